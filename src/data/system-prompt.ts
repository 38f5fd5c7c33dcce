/**
 * Asks for the form that the format reward checks: the reasoning inside think tags, then the final answer inside answer
 * tags. The contract of WeThink (2025, arXiv:2506.07905), in our own words.
 */
export const REASONING_SYSTEM_PROMPT =
  "First reason about the question step by step, as if talking to yourself, and only then answer it. " +
  "Write the reasoning inside <think></think> tags, and after it the final answer, and nothing else, inside " +
  "<answer></answer> tags.";
