/** What a stage's model is told. The form of the reply is put behind `system` by the kit. */
export interface SynthesisPrompt {
  /** Changes with every change of the words. */
  version: string;
  system: string;
  /** The user's turn; `{name}` stands for what the stage gives. An image comes before it. */
  user: string;
}
