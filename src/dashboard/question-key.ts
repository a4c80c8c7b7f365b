// A question and its parameters as a text: the address of an answer, and its key in a report.

export function questionKey(study: number, question: string, parameters: Record<string, string | number> = {}): string {
  const texts = Object.entries(parameters).map(([name, value]): [string, string] => [name, String(value)]);
  return `${question}?${new URLSearchParams([['study', String(study)], ...texts])}`;
}
