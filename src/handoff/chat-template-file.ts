/**
 * A chat template of the Qwen2-VL and Qwen2.5-VL families that begins with this system turn, unless the conversation has
 * one: for trainers that build the user's turn alone.
 */
export function chatTemplateText(system: string): string {
  const image = "'<|vision_start|><|image_pad|><|vision_end|>'";
  const video = "'<|vision_start|><|video_pad|><|vision_end|>'";
  return [
    "{%- for message in messages %}",
    "{%- if loop.first and message['role'] != 'system' %}",
    `{{- '<|im_start|>system\\n' }}{{- ${quoted(system)} }}{{- '<|im_end|>\\n' }}`,
    "{%- endif %}",
    "{{- '<|im_start|>' + message['role'] + '\\n' }}",
    "{%- if message['content'] is string %}",
    "{{- message['content'] }}",
    "{%- else %}",
    "{%- for part in message['content'] %}",
    "{%- if part['type'] == 'image' %}",
    `{{- ${image} }}`,
    "{%- elif part['type'] == 'video' %}",
    `{{- ${video} }}`,
    "{%- else %}",
    "{{- part['text'] }}",
    "{%- endif %}",
    "{%- endfor %}",
    "{%- endif %}",
    "{{- '<|im_end|>\\n' }}",
    "{%- endfor %}",
    "{%- if add_generation_prompt %}",
    "{{- '<|im_start|>assistant\\n' }}",
    "{%- endif %}",
  ].join("\n");
}

/** A prompt of EasyR1: the question, and behind it the system prompt as the user's own words. */
export function formatPromptText(system: string): string {
  return `{{ content | trim }}\n\n{{ ${quoted(system)} }}`;
}

/** A text as a string of Jinja. */
function quoted(text: string): string {
  const escaped = text
    .replaceAll("\\", "\\\\")
    .replaceAll("'", "\\'")
    .replaceAll("\r", "\\r")
    .replaceAll("\n", "\\n");
  return `'${escaped}'`;
}
