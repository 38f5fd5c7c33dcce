// What one invocation of an elementwise kernel handles: one element. For widths that pack-4.wgsl does not divide.
alias pack = scalar;  // as stored
alias reals = f32;    // as computed with
const WIDTH = 1u;
