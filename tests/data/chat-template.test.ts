import { describe, expect, it } from "vitest";
import { jinjaTemplate, qwenTemplate, readChatTemplate, type Message } from "../../src/data/chat-template.ts";
import { memorySource } from "../../src/storage/source.ts";
import { CorruptFileError, InvalidOptionError } from "../../src/util/errors.ts";
import { fixtureJson } from "../support/fixtures.ts";

const conversation: Message[] = [
  {
    role: "user",
    content: [
      { type: "image", image: "a.png" },
      { type: "text", text: "The robot arm" },
      { type: "image_url", image_url: { url: "b.png" } },
      { type: "text", text: "Where is the blue cube?" },
    ],
  },
];
const image = "<|vision_start|><|image_pad|><|vision_end|>";

/** A template in the manner of the hub's, written for this test. */
const jinja = `{%- for message in messages -%}
{%- if loop.first and message.role != 'system' -%}<|im_start|>system
You are a helpful assistant.<|im_end|>
{% endif -%}
<|im_start|>{{ message.role }}
{% if message.content is string -%}{{ message.content }}
{%- else -%}{%- for part in message.content -%}
{%- if part.type == 'image' or 'image_url' in part -%}<|vision_start|><|image_pad|><|vision_end|>
{%- elif 'text' in part -%}{{ part.text }}{%- endif -%}
{%- endfor -%}{%- endif -%}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant
{% endif -%}`;

const encode = (text: string) => new TextEncoder().encode(text);

describe("qwenTemplate", () => {
  it("gives the prompt the reference model was run on, with one placeholder per image", () => {
    const { prompt_text: reference } = fixtureJson<{ prompt_text: string }>("qwen2_5_vl_tiny", "info.json");
    expect(qwenTemplate.render(conversation)).toBe(reference.replace(/(<\|image_pad\|>)+/g, "<|image_pad|>"));
  });

  it("keeps a system turn that is there, and ends as asked", () => {
    const messages: Message[] = [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Hi" },
      { role: "assistant", content: [{ type: "text", text: "Hello" }] },
    ];
    expect(qwenTemplate.render(messages, { addGenerationPrompt: false })).toBe(
      "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n",
    );
  });

  it("refuses what it cannot render, from untyped callers", () => {
    const render = (messages: unknown) => () =>
      qwenTemplate.render(JSON.parse(JSON.stringify(messages)) as Message[]);
    expect(render([{ role: "tool", content: "" }])).toThrow(InvalidOptionError);
    expect(render([{ role: "user", content: [{ type: "audio" }] }])).toThrow(
      /messages\[0\]\.content\[0\]\.type: got audio/,
    );
    expect(render([{ role: "user", content: 5 }])).toThrow(/messages\[0\]\.content/);
  });
});

describe("jinjaTemplate", () => {
  it("renders as the built-in one does", () => {
    const template = jinjaTemplate(jinja);
    for (const messages of [
      conversation,
      [{ role: "system" as const, content: "Be brief." }, ...conversation],
    ]) {
      for (const addGenerationPrompt of [true, false]) {
        expect(template.render(messages, { addGenerationPrompt })).toBe(
          qwenTemplate.render(messages, { addGenerationPrompt }),
        );
      }
    }
  });

  it("names a template that does not parse, and one that refuses the messages", () => {
    expect(() => jinjaTemplate("{% if %}")).toThrow(CorruptFileError);
    const strict = jinjaTemplate("{{ raise_exception('no system turn, please') }}");
    expect(() => strict.render(conversation)).toThrow(InvalidOptionError);
    expect(() => strict.render(conversation)).toThrow(/no system turn, please/);
  });
});

describe("readChatTemplate", () => {
  const files = {
    "chat_template.jinja": encode("jinja{{ eos_token }}"),
    "chat_template.json": encode(JSON.stringify({ chat_template: "json" })),
    "tokenizer_config.json": encode(
      JSON.stringify({ chat_template: "config", eos_token: { content: "<end>" } }),
    ),
  };

  it("looks in the files in order, and falls back to the built-in one", async () => {
    const render = async (names: (keyof typeof files)[]) =>
      (await readChatTemplate(memorySource(new Map(names.map((name) => [name, files[name]]))))).render(
        conversation,
      );
    expect(await render(["chat_template.jinja", "chat_template.json", "tokenizer_config.json"])).toBe(
      "jinja<end>",
    );
    expect(await render(["chat_template.json", "tokenizer_config.json"])).toBe("json");
    expect(await render(["tokenizer_config.json"])).toBe("config");
    expect(await render([])).toContain(image);
  });

  it("takes the default of several", async () => {
    const several = [
      { name: "tools", template: "tools" },
      { name: "default", template: "default" },
    ];
    const source = memorySource({
      "tokenizer_config.json": encode(JSON.stringify({ chat_template: several })),
    });
    expect((await readChatTemplate(source)).render(conversation)).toBe("default");
  });
});
