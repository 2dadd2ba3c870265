/** What is told about a command-line client so that it can be run here: where it is, how it is pointed at a gateway, which tool it has. */
import type { ToolCall } from '../../support/model-script.ts';

export interface Question {
  /** Of the gateway, without a path. */
  url: string;
  key: string;
  /** Null: the client's own choice. */
  model: string | null;
  prompt: string;
  /** Its home, empty at first. */
  home: string;
  /** How it is to be run beside that, in words of each client; `again`: it goes on with the session that its home has. */
  modes: readonly string[];
}

export interface CliClient {
  name: string;
  /** At the registry of npm. */
  package: string;
  /** Names of the models of its vendor. */
  models: string;
  /** Its program within the folder into which its package was installed. */
  program: string;
  /** Files that it wants to find in its home, by path. */
  files(question: Question): Record<string, string>;
  args(question: Question): string[];
  env(question: Question): Record<string, string>;
  /** It asks again when its connection ends in mid-answer. */
  outlivesEnd: boolean;
  /** A call of the tool with which it runs commands. */
  shellCall(command: string): ToolCall;
  /** A call of the tool that gives a task to another agent; null: it has none. */
  agentCall(prompt: string): ToolCall | null;
  /** It asks something beside what it was asked: a title, a route. What is answered then; null: this is the question itself. */
  aside(request: { url: string; fields: Record<string, unknown> }): string | null;
}
