"""Every count method a second time: docs/counting.md, and nothing else. Slow and obvious."""

from fractions import Fraction

from encoding import U16, parts

EQUAL, SKIPPED = 0x8000, 0x7FFF


class Lot:
    def __init__(self, seed, contest):
        self.seed, self.contest, self.decided = seed, contest, set()

    def rank(self, option):
        return parts("voting/lot/v1", self.seed, U16.write(self.contest), U16.write(option))

    def order(self, options):
        return sorted(options, key=self.rank)


def tiers_of(ranking):
    tiers = []
    for entry in ranking:
        if entry >= EQUAL:
            tiers[-1].append(entry - EQUAL)
        else:
            tiers.append([] if entry == SKIPPED else [entry])
    return tiers


def papers_of(contest, rankings, gaps_end, equals_end):
    """The ballots as a method reads them: lists of ranks, each a list of options, with their weights."""
    papers = []
    for ranking, weight in rankings.items():
        tiers = []
        for tier in tiers_of(ranking):
            standing = [option for option in tier if option not in contest["withdrawn"]]
            if (not tier and gaps_end) or (len(standing) > 1 and equals_end):
                break
            if standing:
                tiers.append(standing)
        if tiers:
            papers.append((tiers, weight))
    return papers


def highest(values, standing, seats, lot):
    order = sorted(standing, key=lambda option: (-values[option], option))
    supported = [option for option in order if values[option] > 0]
    if len(supported) <= seats:
        return order, supported
    line = values[supported[seats - 1]]
    tied = [option for option in supported if values[option] == line]
    above = [option for option in supported if values[option] > line]
    if len(above) + len(tied) > seats:
        lot.decided.update(tied)
        drawn = lot.order(tied)[:seats - len(above)]
        tied = drawn + [option for option in tied if option not in drawn]
    order = above + tied + [option for option in order if option not in above and option not in tied]
    return order, order[:seats]


def most_votes(contest, sums, lot):
    order, elected = highest(sums["options"], standing_of(contest), contest["seats"], lot)
    return order, {option: 1 for option in elected}, [(votes, 0) for votes in sums["options"]]


def lists(contest, sums, lot, divisor):
    votes, won, first = sums["options"], {}, []
    for _ in range(contest["seats"]):
        averages = {option: (Fraction(votes[option], divisor(won.get(option, 0))), votes[option])
                    for option in standing_of(contest) if votes[option] > 0}
        if not averages:
            break
        best = max(averages.values())
        tied = [option for option in averages if averages[option] == best]
        if len(tied) > 1:
            lot.decided.update(tied)
        chosen = lot.order(tied)[0]
        won[chosen] = won.get(chosen, 0) + 1
        if chosen not in first:
            first.append(chosen)
    first.sort(key=lambda option: -won[option])
    others = sorted((option for option in standing_of(contest) if option not in won), key=lambda option: (-votes[option], option))
    return first + others, won, [(votes, 0) for votes in votes]


def borda(contest, sums, lot):
    standing = standing_of(contest)
    halves = [0] * len(contest["options"])
    for tiers, weight in papers_of(contest, sums["rankings"], False, False):
        unranked = [option for option in standing if all(option not in tier for tier in tiers)]
        above = 0
        for tier in tiers + ([unranked] if unranked else []):
            points = Fraction(sum(len(standing) - 1 - above - place for place in range(len(tier))), len(tier))
            for option in tier:
                halves[option] += int(2 * points) * weight
            above += len(tier)
    order, elected = highest(halves, standing, contest["seats"], lot)
    return order, {option: 1 for option in elected}, [(value * 5, 1) for value in halves]


def preferences(contest, sums):
    papers = papers_of(contest, sums["rankings"], False, False)

    def place(tiers, option):
        return next((at for at, tier in enumerate(tiers) if option in tier), len(tiers))

    standing = standing_of(contest)
    table = {(a, b): sum(weight for tiers, weight in papers if place(tiers, a) < place(tiers, b))
             for a in standing for b in standing if a != b}
    return table, bool(papers)


def levels(contest, beats, any_paper, lot):
    left, order, seats = standing_of(contest), [], contest["seats"]
    while left:
        level = [a for a in left if not any(beats(b, a) for b in left if b != a)]
        if len(level) > 1 and 0 < seats - len(order) < len(level):
            lot.decided.update(level)
        order += lot.order(level)
        left = [option for option in left if option not in level]
    won = {option: 1 for option in order[:seats]} if any_paper else {}
    beaten = [sum(beats(a, b) for b in standing_of(contest) if b != a) if a in order else 0 for a in range(len(contest["options"]))]
    return order, won, [(number, 0) for number in beaten]


def schulze(contest, sums, lot):
    table, any_paper = preferences(contest, sums)
    standing = standing_of(contest)
    paths = {pair: won if won > table[pair[::-1]] else 0 for pair, won in table.items()}
    for via in standing:
        for a in standing:
            for b in standing:
                if len({via, a, b}) == 3:
                    paths[a, b] = max(paths[a, b], min(paths[a, via], paths[via, b]))
    return levels(contest, lambda a, b: paths[a, b] > paths[b, a], any_paper, lot)


def ranked_pairs(contest, sums, lot):
    table, any_paper = preferences(contest, sums)
    place = {option: at for at, option in enumerate(lot.order(standing_of(contest)))}
    victories = [(a, b) for (a, b), won in table.items() if won > table[b, a]]
    victories.sort(key=lambda pair: (-table[pair], table[pair[::-1]], place[pair[0]], -place[pair[1]]))
    locked, at = set(), 0

    def reaches(a, b, seen=()):
        return (a, b) in locked or any(reaches(via, b, (*seen, a)) for start, via in locked if start == a and via not in seen)

    while at < len(victories):
        strength = (table[victories[at]], table[victories[at][::-1]])
        equal = [pair for pair in victories[at:] if (table[pair], table[pair[::-1]]) == strength]
        refused = 0
        for a, b in equal:
            if reaches(b, a):
                refused += 1
            else:
                locked.add((a, b))
        if refused and len(equal) > 1:
            lot.decided.update(option for pair in equal for option in pair)
        at += len(equal)
    return levels(contest, reaches, any_paper, lot)


def tie_break(tied, stages, lowest, lot):
    """By the latest earlier stage in which they differ, then by lot."""
    left = list(tied)
    for votes in reversed(stages[:-1]):
        best = (min if lowest else max)(votes[option] for option in left)
        left = [option for option in left if votes[option] == best]
    if len(left) > 1:
        return lot.order(left)[-1 if lowest else 0], True
    return left[0], False


def pick(options, stages, lowest, lot, matters=True):
    now = stages[-1]
    best = (min if lowest else max)(now[option] for option in options)
    tied = [option for option in options if now[option] == best]
    chosen, by_lot = tie_break(tied, stages, lowest, lot)
    if by_lot and matters:
        lot.decided.update(tied)
    return chosen


def instant_runoff(contest, sums, lot):
    papers = papers_of(contest, sums["rankings"], False, True)
    left, out, stages = standing_of(contest), [], []
    while True:
        votes = [0] * len(contest["options"])
        for tiers, weight in papers:
            first = next((tier[0] for tier in tiers if tier[0] in left), None)
            if first is not None:
                votes[first] += weight
        stages.append(votes)
        won = [option for option in left if 2 * votes[option] > sum(votes)]
        if won or len(left) <= 1:
            break
        last = pick(left, stages, True, lot)
        left = [option for option in left if option != last]
        out.append(last)
    others = sorted((option for option in left if option not in won), key=lambda option: (-votes[option], option))
    return won + others + out[::-1], {option: 1 for option in won}, [(number, 0) for number in votes]


def gregory(contest, sums, lot, decimals, whole_quota, gaps_end):
    one, seats = 10**decimals, contest["seats"]
    papers = [[tiers, weight, None, one] for tiers, weight in papers_of(contest, sums["rankings"], gaps_end, True)]
    valid = sum(weight for _, weight, _, _ in papers)
    quota = (valid // (seats + 1) + 1) * one if whole_quota else valid * one // (seats + 1) + 1
    left, out, elected, pending, kept, stages = standing_of(contest), [], [], [], {}, []
    for paper in papers:
        paper[2] = paper[0][0][0]
    while True:
        votes = [kept.get(option, 0) or sum(w * v for _, w, holder, v in papers if holder == option)
                 for option in range(len(contest["options"]))]
        stages.append(votes)
        reached = [option for option in left if votes[option] >= quota]
        while reached and len(elected) < seats:
            best = pick(reached, stages, False, lot, matters=False)
            reached.remove(best)
            left.remove(best)
            elected.append(best)
            if votes[best] > quota:
                pending.append(best)
        if len(elected) >= seats or not left:
            break
        if len(elected) + len(left) <= seats:
            while left:
                best = pick(left, stages, False, lot, matters=False)
                left.remove(best)
                elected.append(best)
            break
        if pending:
            giver = pick(pending, stages, False, lot)
            pending.remove(giver)
            surplus, of = votes[giver] - quota, votes[giver]
            kept[giver] = quota
        else:
            giver = pick(left, stages, True, lot)
            left.remove(giver)
            out.append(giver)
            surplus = of = 1
        for paper in papers:
            if paper[2] == giver:
                at = next(at for at, tier in enumerate(paper[0]) if tier[0] == giver)
                paper[2] = next((tier[0] for tier in paper[0][at + 1:] if tier[0] in left), None)
                paper[3] = paper[3] * surplus // of
    others = sorted((o for o in standing_of(contest) if o not in elected and o not in out), key=lambda o: (-votes[o], o))
    return elected + others + out[::-1], {option: 1 for option in elected}, [(number, decimals) for number in votes]


def meek(contest, sums, lot):
    one, seats = 10**9, contest["seats"]
    papers = [([tier[0] for tier in tiers], weight) for tiers, weight in papers_of(contest, sums["rankings"], False, True)]
    keep = {option: one for option in standing_of(contest)}
    hopeful, elected, out = standing_of(contest), [], []
    votes = [0] * len(contest["options"])

    def distribute():
        votes[:] = [0] * len(votes)
        for options, weight in papers:
            left = one
            for option in options:
                kept = -(-left * keep[option] // one)
                votes[option] += kept * weight
                left -= kept
        return sum(votes) // (seats + 1) + 1

    def elect(options):
        for option in sorted(lot.order(options), key=lambda option: -votes[option])[:seats - len(elected)]:
            hopeful.remove(option)
            elected.append(option)

    while len(elected) < seats and len(elected) + len(hopeful) > seats:
        before = None
        while True:
            quota = distribute()
            reached = [option for option in hopeful if votes[option] >= quota]
            if reached:
                elect(reached)
                break
            surplus = sum(max(votes[option] - quota, 0) for option in elected)
            if surplus < 1_000 or (before is not None and surplus >= before):
                least = min(votes[option] for option in hopeful)
                tied = [option for option in hopeful if votes[option] <= least + surplus]
                if len(tied) > 1:
                    lot.decided.update(tied)
                last = lot.order(tied)[-1]
                hopeful.remove(last)
                out.append(last)
                keep[last] = 0
                break
            before = surplus
            for option in elected:
                wanted = -(-keep[option] * quota // one)
                keep[option] = min(-(-wanted * one // max(votes[option], 1)), one)
    if len(elected) < seats and hopeful:
        distribute()
        elect(list(hopeful))
    others = sorted(hopeful, key=lambda option: (-votes[option], option))
    return elected + others + out[::-1], {option: 1 for option in elected}, [(number, 9) for number in votes]


def standing_of(contest):
    return [option for option in range(len(contest["options"])) if option not in contest["withdrawn"]]


METHODS = {
    "plurality": most_votes,
    "approval": most_votes,
    "score": most_votes,
    "instant-runoff": instant_runoff,
    "scottish-stv": lambda contest, sums, lot: gregory(contest, sums, lot, 5, True, True),
    "wigm-stv": lambda contest, sums, lot: gregory(contest, sums, lot, 4, False, False),
    "meek-stv": meek,
    "schulze": schulze,
    "ranked-pairs": ranked_pairs,
    "borda": borda,
    "dhondt": lambda contest, sums, lot: lists(contest, sums, lot, lambda won: won + 1),
    "sainte-lague": lambda contest, sums, lot: lists(contest, sums, lot, lambda won: 2 * won + 1),
}


def verdict(contest, sums, won, roll):
    """Takes the seats of those who fall short of what the contest demands."""
    majority, percent = contest["thresholds"]["majority"][0], contest["thresholds"]["quorum_percent"]
    if majority == "most-votes" and percent == 0:
        return None
    score = max(contest["max_score"], 1)
    attainable = (sums["weight"] - sums["blank"] - sums["overvotes"]) * score
    needed = {"most-votes": 0, "simple": attainable // 2 + 1, "two-thirds": -(-2 * attainable // 3),
              "absolute": roll * score // 2 + 1 if sums["weight"] == sums["ballots"] else None}[majority]
    quorum = -(-roll * percent // 100)
    for option in list(won):
        if sums["ballots"] < quorum or needed is None or sums["options"][option] < needed:
            del won[option]
    return {"needed": needed, "quorum": quorum, "ballots": sums["ballots"]}


def contest_report(at, contest, sums, seed, roll):
    lot = Lot(seed, at)
    method = contest["method"][0]
    order, won, totals = METHODS[method](contest, sums, lot)
    judged = verdict(contest, sums, won, roll)
    counted = ("ballots", "weight", "blank", "undervotes", "overvotes")
    line = [{"option": option, "name": contest["options"][option]["name"], "votes": sums["options"][option],
             "total": {"units": totals[option][0], "decimals": totals[option][1]}, "seats": won.get(option, 0)}
            for option in order + contest["withdrawn"]]
    return {"title": contest["title"], "method": contest["method"], "seats": contest["seats"], "options": line,
            "counts": {**{name: sums[name] for name in counted}, "rankings": len(sums["rankings"])},
            "decided_by_lot": sorted(lot.decided), "verdict": judged}
