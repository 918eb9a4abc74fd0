r"""Invented news in the form of AG News, for when the real files are not at hand.

The form is that of the CSV files at
https://raw.githubusercontent.com/mhjabreel/CharCnn_Keras/master/data/ag_news_csv/: no header, every
field quoted, a class from 1 to 4, and what the wire services and the web left in the text:
` #39;` and ` quot;`, `&lt;b&gt;`, `\$`, backslashes for line breaks, cut sentences. The sentences
come from the grammar below; places, people and firms are made of syllables, and none is meant.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

import numpy as np

_T = TypeVar("_T")

# One symbol a line, its expansions between bars, `{}` around a symbol. The symbols who, do, what
# and scene belong to a topic: 1 World, 2 Sports, 3 Business, 4 Sci/Tech, 0 what fits any news.
_GRAMMAR = r"""
sentence: {who} {did} {what} {when}, {said}.|{who} {did} {what} {scene}.|{when}, {who} {did} {what}.
|{person} said {when} that {who} would {do} {what} {scene}.|{who} {did} {what} {when} {scene}.
|{who} and {who} {did} {what} {scene}, {said} {when}.|{scene}, {who} will {do} {what}, {said}.
more: ||{who} had {did} {what} {scene}.|"We will {do} {what}," {person} said {when}.
|{what} could cost {money}, {said}.|{who} had asked for {money} {scene}.|The news came {scene}.
|{person}'s office called it "{what}" {when}.|About {percent} of readers said {who} {did} {what}.
title: {who} to {do} {what}|{who} may {do} {what}|{who} {did} {what} {scene}|{what} {scene}
|{person}: {who} should {do} {what}|{who} ready to {do} {what}|{last}'s plan: {do} {what}
|{who} {did} {what}|Update {digit}: {who} {did} {what}|{place} {who} {did} {what}
when: on Monday|on Tuesday|on Wednesday|on Thursday|on Friday|on Saturday|on Sunday|this week
|last night|yesterday|late on Friday|early today|over the weekend|this month
said: officials said|a spokeswoman said|a report said|people close to the matter said
|a newspaper reported|two sources said|a survey found|local radio reported
first: Ada|Ben|Carla|David|Elena|Frank|Grace|Hassan|Ines|James|Kofi|Laura|Michael|Nadia|Omar|Paula
|Robert|Sofia|Tom|Wei|José|Zoë|Anaïs
last: {stem}{end}|{stem}{end}|{stem}{end}|{stem}{end}|{stem}{end}|{stem}{end}|Mü{end}|Bjø{end}
person: {first} {last}|{first} {last}|{first} {last} Jr.
place: {stem}{town}
firm: {stem}{tech} Corp.|{stem}{tech} Inc.|{stem} & {last}|{stem}{tech}
stem: Al|Bar|Bren|Cal|Cor|Dal|Der|El|Far|Gan|Gol|Har|Hol|Ister|Jan|Kal|Ker|Lan|Lor|Mar|Mil|Nor|Or
|Pel|Quin|Ras|Rov|Sal|Ser|Tam|Tor|Ul|Var|Vel|Wal|Yar|Zan
end: dan|ek|er|field|ford|ina|itz|kov|low|man|mann|ney|os|ov|ski|son|ton|well|wick|zi
town: abad|burg|dale|ford|grad|ham|haven|ia|istan|lia|mouth|ora|port|stad|ton|ville
tech: dex|dyne|gen|lix|med|net|nix|onix|oil|quest|soft|star|tek|tel|trex|via|vue|ware
money: ${digit}.{digit} billion|${digit}{digit} million|${digit}.{digit} million
|${digit}{digit}0,000
percent: {digit} percent|{digit}.{digit} percent|{digit}{digit} percent
digit: 1|2|3|4|5|6|7|8|9
few: three|four|five|six|seven|eight
0.who: the group|both sides|critics|the new chief|a spokesman|the committee|experts|a judge
|{person}|the agency|rivals|the board|a panel|{place}|organizers|supporters|the commission
0.do: accept|announce|approve|back|call for|consider|defend|delay|demand|discuss|end
|expect|ignore|launch|offer|present|reject|review|support|unveil|want|welcome
0.what: a new plan|the latest offer|a long-awaited decision|the report|a major deal|tighter rules
|the talks|an early vote|a second chance|the final list|changes at the top|a {money} plan
|the biggest project in {few} years|a joint statement|new leadership|the next round|a ban
0.scene: after months of delay|despite growing doubts|in a surprise move|at a meeting in {place}
|for the second time in {few} days|ahead of a key deadline|with only {few} weeks left
|as pressure grows|after a long night|in spite of warnings|for the first time since 199{digit}
1.who: rebel leaders|the interim government|U.N. inspectors|the prime minister|militants
|opposition parties|the foreign minister|aid workers|President {last}|peace negotiators
|border police|the army of {place}|human rights groups|protesters|election observers|hostage takers
|Prime Minister {last}|the ruling coalition|a suicide bomber|lawmakers in {place}|refugees
|the {place} embassy|insurgents|the security council|gunmen|a cleric from {place}
1.do: abandon|attack|boycott|condemn|denounce|disarm|evacuate|free|occupy|pardon|postpone
|protest|renounce|surround|threaten|violate
1.what: a cease-fire near {place}|the disputed election|{digit}{digit} hostages|a nuclear program
|the border crossing|a military base|the peace accord|a refugee camp|the hostage crisis|sanctions
|troop withdrawal from {place}|a car bombing|the war crimes tribunal|the death sentence|a mosque
|the constitution|a rebel stronghold|power sharing|relief for flood victims|an air strike
1.scene: after weeks of street protests|amid heavy fighting|as troops entered {place}
|on the eve of parliamentary elections|after a bomb killed {digit}{digit} people|near the border
|in the occupied territory|under a U.N. resolution|as violence spread to {place}|after the coup
team: Hawks|Lions|Comets|Rovers|Tigers|Pilots|Miners|Wolves|Storm|Kings
2.who: the home team|the defending champions|striker {last}|coach {last}|the {place} {team}
|the quarterback|pitcher {last}|the league|the visitors|a rookie|the national squad|the goalkeeper
|top seed {last}|the Olympic champion|sprinter {last}|the {place} {team}|midfielder {last}|fans
|the manager of {place} United|golfer {last}|the bullpen|umpires
2.do: clinch|capture|dominate|edge|kick|miss|outplay|rally past|score in|toss|crush
|pass|tie|tackle|trounce|open with
2.what: the title|a {digit}-{digit} victory|the third set|the gold medal|the {place} {team}
|the playoffs|a penalty shootout|the second half|the pennant race|a hat trick|the season opener
|a {digit}{digit}-yard touchdown|the quarterfinals|the doubles final|extra innings|the relay
|a home run|the world record|the wild-card spot|the Grand Prix|a free kick
2.scene: in overtime|in front of {digit}{digit},000 fans|with {few} minutes to play
|at the Olympic stadium|after a halftime deficit of {few}|on the final lap|in straight sets
|in the bottom of the ninth inning|after injuring a knee|at the {place} Open|on the road
3.who: shareholders|oil producers|{firm}|the central bank|investors|the airline|retailers|analysts
|{firm}|the carmaker|a federal regulator|crude traders|{firm}|the bankrupt carrier|hedge funds
|chief executive {last}|the brokerage|bond dealers|lenders|the insurer {firm}|pension funds
3.do: acquire|borrow|downgrade|export|finance|invest in|liquidate|lower|purchase
|raise|refinance|restate|slash|tax
3.what: quarterly earnings|interest rates|a {money} takeover|crude oil prices|{digit},{digit}00 jobs
|the profit forecast|a stake in {firm}|pension costs|fuel surcharges|bankruptcy protection
|the trade deficit|a hostile bid|retail sales|its credit rating|a stock buyback|dividends|{firm}
|consumer spending|accounting charges|the {money} loan|mortgage rates
3.scene: as oil topped ${digit}{digit} a barrel|after profit fell {percent}|on Wall Street
|in the third quarter|as the dollar slid {percent}|after an accounting probe|amid rising costs
|after shares lost {percent}|as inflation eased|before the opening bell|despite weak sales
4.who: researchers|the space agency|{firm}|software makers|astronomers|hackers|the search engine
|a chip maker|{firm}|engineers at {firm}|biologists|Web surfers|the browser team|the probe|{firm}
|open-source developers|a spam filter|the orbiter|scientists in {place}|music services|phone makers
4.do: analyze|boot|clone|decode|develop|digitize|download|encrypt|hack|install|invent|measure
|patch|photograph|simulate|upgrade
4.what: a security flaw|the operating system|a wireless network|the new browser|a distant galaxy
|the {digit}-gigahertz processor|the search toolbar|a Mars rover|the human genome|a computer worm
|online music files|an instant messaging service|the Saturn moon|a fossil skull|broadband access
|stem cells|a video game console|spyware|the space shuttle|digital cameras|a supercomputer
4.scene: over the Internet|in a peer-reviewed study|aboard the space station|on desktop computers
|after a virus hit {digit}{digit},000 PCs|with a beta release|in orbit around Mars
|using DNA samples|on mobile phones|in the laboratory|at the developer conference
"""
_SLOT = re.compile(r"\{(\w+)\}")
_CITIES = "BAGHDAD|BEIJING|BOSTON|LONDON|NEW YORK|PARIS|SAN FRANCISCO|SYDNEY|TOKYO|WASHINGTON"
# The topic that a mixed row is mixed with; news of firms is the hardest to tell apart.
_NEIGHBOUR = MappingProxyType({1: 3, 2: 1, 3: 4, 4: 3})
_MIXED_ROWS = 0.25  # of all rows
_SHARED_WORDS = 0.35  # of the words that could be topical

_Draws = Iterator[float]  # uniform in [0, 1), without end
_Grammar = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Voice:
    """How one row speaks."""

    draws: _Draws
    grammar: _Grammar
    topic: int
    second_topic: int
    second_share: float  # of the topical words


def ag_news_csv(rows: int, *, seed: int) -> bytes:
    """Return a CSV of `rows` news, UTF-8 with LF; the same for the same seed.

    The four classes are balanced and in random order. One row in four speaks of a second topic
    too, so that even a good classifier of words is wrong about one row in ten.
    """
    rng = np.random.default_rng(seed)
    topics = (rng.permutation(rows) % 4 + 1).tolist()
    draws = _draw_uniforms(rng)
    grammar = _read_grammar()
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for topic in topics:
        second = _NEIGHBOUR[topic] if next(draws) < 0.7 else _pick(draws, (1, 2, 3, 4))
        share = 0.35 + 0.35 * next(draws) if next(draws) < _MIXED_ROWS else 0.05
        voice = _Voice(draws, grammar, topic, second, share)
        writer.writerow((topic, *_dress(draws, *_write_news(voice))))
    return text.getvalue().encode()


def _draw_uniforms(rng: np.random.Generator) -> _Draws:
    # Blocks, because numpy takes a hundred times as long for one number at a time.
    while True:
        yield from rng.random(4096).tolist()


def _pick(draws: _Draws, options: Sequence[_T]) -> _T:
    return options[int(next(draws) * len(options))]


def _read_grammar() -> _Grammar:
    lines = _GRAMMAR.strip().replace("\n|", "|").split("\n")
    pairs = (line.split(": ", 1) for line in lines)
    return {symbol: tuple(options.split("|")) for symbol, options in pairs}


def _write_news(voice: _Voice) -> tuple[str, str]:
    """Return a title and a description in plain characters."""
    title = re.sub(r"\b(?:an?|the) ", "", _expand(voice, "title"))
    if next(voice.draws) < 0.6:
        title = re.sub(r"(?<![\w'])[a-z]", lambda letter: letter[0].upper(), title)
    sentences = (_expand(voice, "sentence"), _expand(voice, "more"))
    return _capitalise(title), " ".join(map(_capitalise, filter(None, sentences)))


def _expand(voice: _Voice, symbol: str) -> str:
    if symbol == "did":
        return _past_tense(_expand(voice, "do"))
    if symbol not in voice.grammar:
        topic = voice.second_topic if next(voice.draws) < voice.second_share else voice.topic
        symbol = f"{0 if next(voice.draws) < _SHARED_WORDS else topic}.{symbol}"
    option = _pick(voice.draws, voice.grammar[symbol])
    return _SLOT.sub(lambda slot: _expand(voice, slot[1]), option)


def _past_tense(verb: str) -> str:
    """Return the past of a verb that needs no doubled consonant; the grammar has no others."""
    first, space, rest = verb.partition(" ")
    past = re.sub(r"(?<![aeou])y$", "i", first).removesuffix("e") + "ed"
    return past + space + rest


def _capitalise(text: str) -> str:
    return text[:1].upper() + text[1:]


def _dress(draws: _Draws, title: str, body: str) -> tuple[str, str]:
    """Return the title and description as a wire service and a careless web page leave them."""
    city, wire = _pick(draws, _CITIES.split("|")), next(draws)
    web = next(draws) < 0.5
    title, body = _mark_up(title, web=web), _mark_up(body, web=web)
    if next(draws) < 0.04:
        title += " &lt;b&gt;...&lt;/b&gt;"
        body = f"{body[: int(len(body) * 0.8)]} &lt;b&gt;...&lt;/b&gt;"
    elif next(draws) < 0.05:
        body = body[: int(len(body) * 0.8)]
    if wire < 0.2:
        title, body = f"{title} (AP)", f"AP - {body}"
    elif wire < 0.3:
        # This service's line breaks arrive as backslashes.
        title, body = f"{title} (Reuters)", f"Reuters - {_break_lines(body, mark=chr(92))}"
    elif wire < 0.5:
        body = f" {city} (Reuters) - {_break_lines(_link(draws, body), mark='  ')}"
    elif wire < 0.6:
        body = f"{city} -- {body}"
    elif wire < 0.7:
        body = f"{city}: {body}"
    return title, body


def _mark_up(text: str, *, web: bool) -> str:
    r"""Write signs as the files do: `\$`, and entities that lost their `&`."""
    text = text.replace("$", "\\$").replace("&", " amp;")
    return text.replace("'", " #39;").replace('"', " quot;") if web else text


def _break_lines(text: str, *, mark: str) -> str:
    return re.sub(r"((?:\S+ ){9}\S+) ", lambda line: line[1] + mark, text)


def _link(draws: _Draws, text: str) -> str:
    """Put a link to a firm's quote after one text in five."""
    if next(draws) > 0.2:
        return text
    ticker = "".join(_pick(draws, "BCDFGKLMNPRSTVX") for _ in range(4))
    page = f"http://www.example.com/quote?ticker={ticker}.N"
    return f'{text} &lt;A HREF="{page} target=/stocks/quote"&gt;{ticker}.N&lt;/A&gt;'
