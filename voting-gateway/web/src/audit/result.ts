/** What was added up here, compared with what the authorities have certified and with what the gateway publishes. */
import type { Definition } from '../ballot/definition';
import type { Report } from './report';
import { reportDigest } from './report';
import type { ElectionReplay } from './election';
import { require } from './fault';
import type { Sums } from './selection';

/** The part of `GET /elections/ID/results` that is compared. */
export interface Published {
  report?: string | null;
  contests: { ballots: number; weight: number; blank: number; options: { id: string; votes: number }[] }[];
}

/** The certified report is of this election, and its sums are those added up here. */
export function compareReport(report: Report, replay: ElectionReplay, definition: Definition, sums: readonly Sums[]): void {
  require(reportDigest(report) === replay.report, 'result', 'other_report');
  const sameElection = report.election === definition.id && report.seed === replay.seed && report.contests.length === definition.contests.length;
  require(sameElection, 'result', 'other_election');
  for (const [at, { title, method, seats, options }] of definition.contests.entries()) {
    const [said, own] = [report.contests[at], sums[at]];
    require(said !== undefined && own !== undefined && said.title === title && said.method === method && said.seats === seats, 'result', 'other_contest');
    require(said.options.length === options.length && new Set(said.options.map(({ option }) => option)).size === options.length, 'result', 'other_options');
    for (const { option, name, votes } of said.options) {
      require(options[option]?.name === name, 'result', 'other_options');
      require(votes === own.options[option], 'result', 'other_sum', { detail: `${name}: ${votes}, ${own.options[option]}` });
    }
    const { ballots, weight, blank } = said.counts;
    require(ballots === own.ballots && weight === own.weight && blank === own.blank, 'result', 'other_counts');
  }
}

/** The figures that the gateway shows are these as well. */
export function comparePublished(published: Published, replay: ElectionReplay, definition: Definition, sums: readonly Sums[]): void {
  require(published.report === replay.report && published.contests.length === sums.length, 'result', 'shown_report');
  for (const [contest, own] of sums.entries()) {
    const said = published.contests[contest];
    const lines = new Map(said?.options.map(({ id, votes }) => [id, votes]));
    for (const [option, votes] of own.options.entries()) {
      const shown = lines.get(`${contest}-${option}`);
      const name = definition.contests[contest]?.options[option]?.name ?? '';
      require(shown !== undefined && BigInt(shown) === votes, 'result', 'shown_sum', { detail: `${name}: ${shown}, ${votes}` });
    }
    const same = said && BigInt(said.ballots) === own.ballots && BigInt(said.weight) === own.weight && BigInt(said.blank) === own.blank;
    require(same === true, 'result', 'shown_counts');
  }
}
