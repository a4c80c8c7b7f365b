// `nasnet profile --family`: the published networks compared with the released graph.

import { type FamilyMember, family } from '../../plan/family.ts';
import { whole } from '../../words.ts';
import { alignColumns } from '../terminal/columns.ts';

/** Returns the document of `profile --family --json`. */
export const familyDocument = () => ({ family: family() });

export function familyTable(): string {
  const members = family();
  const reproduced = members.filter((member) => member.reproduced).length;
  const remarks = members.filter(({ remark }) => remark !== '');
  return `${[
    ...alignColumns([['', '', 'published', '', 'released graph', '', '', ''], header, ...members.map(row)], 'lrrrrrl'),
    '',
    `${reproduced} of the ${members.length} published rows agree with the released graph to the printed digit. The others:`,
    ...remarks.map((member) => `  ${nameOf(member)}: ${member.remark}`),
  ].join('\n')}\n`;
}

const header = ['', 'input', 'parameters', 'multiply-adds', 'parameters', 'multiply-adds', 'agree', 'accuracy'];

function row(member: FamilyMember): string[] {
  const { input, parameters, multiplyAdds, ours, reproduced } = member;
  return [
    nameOf(member),
    `${input}`,
    `${parameters / 1e6} M`,
    multiplyAdds === undefined ? '–' : multiplyAdds < 1e9 ? `${multiplyAdds / 1e6} M` : `${multiplyAdds / 1e9} B`,
    ours ? whole(ours.trainableParameters) : '–',
    ours ? whole(ours.multiplyAdds) : '–',
    reproduced === undefined ? '–' : reproduced ? 'yes' : 'no',
    accuracy(member),
  ];
}

const nameOf = ({ architecture, cells, penultimate }: FamilyMember) => `${architecture} ${cells} @ ${penultimate}`;

function accuracy({ error, errorWithCutout, top1, top5 }: FamilyMember): string {
  if (top1 !== undefined) return `top-1 ${top1.toFixed(1)}%, top-5 ${top5!.toFixed(1)}%`;
  return `error ${error!.toFixed(2)}%${errorWithCutout === undefined ? '' : `, ${errorWithCutout.toFixed(2)}% with cutout`}`;
}
