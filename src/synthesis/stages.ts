/** What asks, in which order, and who answers. After WeThink (2025, arXiv:2506.07905), whose own prompts are unpublished. */
import type { LanguageModel } from "../language-models/language-model.ts";

/** Parts that models play. One model may play several. */
export const synthesisRoles = [
  "describer",
  "asker",
  "filter",
  "textAnswerer",
  "imageAnswerer",
  "adjudicator",
  "rewriter",
] as const;
/** One of {@link synthesisRoles}. */
export type SynthesisRole = (typeof synthesisRoles)[number];

/** Roles that cannot be played without seeing the image; the others see it where their model takes images. */
export const seeingRoles: readonly SynthesisRole[] = ["describer", "imageAnswerer"];

/** Who plays what. */
export type SynthesisModels = Readonly<Record<SynthesisRole, LanguageModel>>;

/** One model in every role. */
export function everyRole(model: LanguageModel): SynthesisModels {
  return {
    describer: model,
    asker: model,
    filter: model,
    textAnswerer: model,
    imageAnswerer: model,
    adjudicator: model,
    rewriter: model,
  };
}

/** Stages in which a model of a role is asked, each with a prompt of its own. */
export const askingStages = [
  "describe",
  "ask-missing",
  "answer-missing",
  "merge",
  "questions",
  "filter",
  "answer-text",
  "answer-image",
  "adjudicate",
  "rewrite",
] as const;
/** One of {@link askingStages}. */
export type AskingStage = (typeof askingStages)[number];

/** All stages in the order in which an image and its questions go through them. */
export const synthesisStages = [
  "describe",
  "ask-missing",
  "answer-missing",
  "merge",
  "questions",
  "filter",
  "answer-text",
  "answer-image",
  "adjudicate",
  "pass-rate",
  "rewrite",
] as const satisfies readonly (AskingStage | "pass-rate")[];
/** One of {@link synthesisStages}. */
export type SynthesisStage = (typeof synthesisStages)[number];

/** Who is asked. */
export const stageRoles: Readonly<Record<AskingStage, SynthesisRole>> = {
  describe: "describer",
  "ask-missing": "asker",
  "answer-missing": "describer",
  merge: "describer",
  questions: "asker",
  filter: "filter",
  "answer-text": "textAnswerer",
  "answer-image": "imageAnswerer",
  adjudicate: "adjudicator",
  rewrite: "rewriter",
};

/** How a stage's model is asked. */
export interface StageSampling {
  temperature?: number;
  maxTokens?: number;
}

/** Questions are to differ from image to image; everything else is to be as sure as it can be. */
export const defaultSampling: Readonly<Record<AskingStage, Required<StageSampling>>> = {
  describe: { temperature: 0, maxTokens: 2048 },
  "ask-missing": { temperature: 0.6, maxTokens: 4096 },
  "answer-missing": { temperature: 0, maxTokens: 2048 },
  merge: { temperature: 0, maxTokens: 4096 },
  questions: { temperature: 0.6, maxTokens: 8192 },
  filter: { temperature: 0, maxTokens: 4096 },
  "answer-text": { temperature: 0, maxTokens: 8192 },
  "answer-image": { temperature: 0, maxTokens: 4096 },
  adjudicate: { temperature: 0, maxTokens: 4096 },
  rewrite: { temperature: 0, maxTokens: 4096 },
};

/** Types of question: checked by a rule, checked by a rule, judged by a model. */
export const questionTypes = ["multiple-choice", "fill-in-blank", "descriptive"] as const;
/** One of {@link questionTypes}. */
export type QuestionType = (typeof questionTypes)[number];

/** How records name the types in `category`. */
export const categoryNames: Readonly<Record<QuestionType, string>> = {
  "multiple-choice": "multiple choice",
  "fill-in-blank": "fill-in-blank",
  descriptive: "descriptive",
};

/**
 * MM-Vet's abilities (2023, arXiv:2308.02490): recognition, reading text, knowledge, generating language, places and
 * relations in space, arithmetic. A question needs reasoning, which records name first, and at least one of these.
 */
export const abilityCodes = ["rec", "ocr", "know", "gen", "spat", "math"] as const;
/** One of {@link abilityCodes}. */
export type AbilityCode = (typeof abilityCodes)[number];

/** Why an image, or a question about it, came to nothing. */
export const dropReasons = [
  "unsafe-path",
  "unreadable-image",
  "unreadable-reply",
  "refused",
  "malformed-question",
  "duplicate-question",
  "ambiguous",
  "unanswerable",
  "unverifiable",
  "not-visual",
  "no-reasoning",
  "both-wrong",
  "too-easy",
  "too-hard",
  "unusable-record",
] as const;
/** One of {@link dropReasons}. */
export type DropReason = (typeof dropReasons)[number];

/** What the filter's model may say is wrong with a question. */
export const invalidities = [
  "malformed-question",
  "ambiguous",
  "unanswerable",
  "unverifiable",
  "not-visual",
  "no-reasoning",
] as const satisfies readonly DropReason[];
