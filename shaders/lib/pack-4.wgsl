// What one invocation of an elementwise kernel handles: four neighbours. For widths that are multiples of four.
alias pack = vec4<scalar>;  // as stored
alias reals = vec4f;        // as computed with
const WIDTH = 4u;
