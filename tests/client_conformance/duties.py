"""The duties of docs/client-guide.md that can be seen from outside, in its order."""

DUTIES = {
    "D1": "Listen before StartFlow",
    "D2": "A request_id of its own for each StartFlow",
    "D3": "Say who runs, unless the person opted out",
    "D4": "Take the redirect URI that the product wants",
    "D5": "Watch, in the process that waits",
    "D6": "Watch again",
    "D7": "RecordStep(BROWSER_WAIT) before the browser opens",
    "D8": "Only the redirect ends the wait",
    "D9": "The redirect's whole query goes to ExchangeCode",
    "D10": "The page tells the truth",
    "D11": "A stray answer ends nothing",
    "D12": "The next attempt",
    "D13": "A lost answer is asked for again, with the same request",
    "D14": "Steps are the person's place",
    "D15": "One end",
    "D16": "Ctrl-C ends it within a second",
    "D17": "The server may end the flow",
    "D18": "Every unary call has a deadline",
    "D19": "Nothing secret is told",
    "D20": "A device code, for clients that offer one",
}
# Judged only of a client that has it.
OPTIONAL = "D20"


class Broken(Exception):
    """A duty is broken so that the scenario cannot go on."""

    def __init__(self, duty: str, seen: str):
        super().__init__(seen)
        self.duty, self.seen = duty, seen


class Verdicts:
    """What a scenario has found: for each duty that it judged, what was wrong, or nothing."""

    def __init__(self):
        self.found: dict[str, str] = {}

    def expect(self, duty: str, condition, seen: str):
        assert duty in DUTIES
        if not condition and not self.found.get(duty):
            self.found[duty] = seen
        self.found.setdefault(duty, "")
