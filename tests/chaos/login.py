"""One sign-in, in any of the ways in which people and networks do it."""

import http.client
import json
import os
import signal
import threading
import time
import urllib.parse
import uuid

from support import rpc
from wire import FLOW, Away, Interrupted, Refused, Watch, outcome_text, step_text

ANOTHER_ATTEMPT = ("CODE_REFUSED", "CODE_USED", "ANSWER_GONE")
COMPLETED = FLOW.Outcome(completed=FLOW.Outcome.Completed())
CANCELLED = FLOW.Outcome(aborted=FLOW.Outcome.Aborted(reason=FLOW.ABORT_REASON_USER_CANCELLED))
PROFILE_WRITE = FLOW.Outcome(failed=FLOW.Outcome.Failed(error_class=rpc.error_class.ERROR_CLASS_CLIENT_PROFILE_WRITE))
NETWORK = FLOW.Outcome(failed=FLOW.Outcome.Failed(error_class=rpc.error_class.ERROR_CLASS_CLIENT_NETWORK))
REFUSED = FLOW.Outcome(failed=FLOW.Outcome.Failed())

# What a person does, and how often.
HABITS = {
    "completes": 52,
    "cancels": 10,
    "fails": 5,
    "declines": 5,
    "dies": 7,
    "walks away": 6,
    "never comes": 2,
    "long wait": 8,
    "forged redirect": 3,
    "two ends at once": 8,
}
PLACES = ("start", "browser", "exchange", "applications", "profile", "finish")


class Over(Exception):
    """The server has ended the flow."""


class Gone(Exception):
    """This client says nothing more."""


class Login:
    """`person` (of person.py) lends its dice, journal and connection."""

    def __init__(self, person):
        self.person = person
        self.random, self.journal, self.wire = person.random, person.journal, person.wire
        choose = self.random.choices
        habits = HABITS | ({person.stage["habit"]: 400} if person.stage["habit"] else {})
        self.habit = choose(list(habits), list(habits.values()))[0]
        self.place = self.random.choice(PLACES)  # where it happens, if it happens somewhere
        self.product = choose(["odd", "real"], person.stage["products"])[0]
        self.kind = choose([FLOW.FLOW_KIND_LOGIN, FLOW.FLOW_KIND_SIGNUP, FLOW.FLOW_KIND_REAUTHENTICATION], [90, 7, 3])[0]
        if self.product == "real":
            self.kind = FLOW.FLOW_KIND_LOGIN
        self.tracked = self.random.random() > 0.03
        self.watches = self.random.random() > 0.06
        self.repeats = self.random.random() < 0.15
        self.commands = self.tracked and self.random.random() < 0.7
        self.invocation = rpc.Invocation(
            invocation_id=self._uuid(),
            anonymous_id=self._uuid() if self.tracked else "",
            user_id="odd-user-1" if self.random.random() < 0.1 else "",
            command="tool auth login",
            version="1.2.3",
            operating_system="linux",
            cli_context="chaos",
            do_not_track=not self.tracked,
        )
        self.flow_id = self.token = self.access_token = ""
        self.watch = self.second_watch = None
        self.exit_code = 1

    def _uuid(self) -> str:
        # Not from the seed: a second run against the same data must not meet the first one's flows.
        return str(uuid.uuid4())

    def run(self):
        try:
            self._command()
            self._steps()
        except (Over, Gone, Refused, Away):
            pass
        except Interrupted:
            self._interrupted()
        finally:
            for watch in (self.watch, self.second_watch):
                if watch:
                    watch.close()
        if self.commands and not self.person.interrupted.is_set() and self.habit != "walks away":
            self._end_command()

    # The steps of a login, in order.

    def _steps(self):
        try:
            self._start()
            url = self._enter(FLOW.STEP_BROWSER_WAIT).authorization_url
            self._attempts(url)
            self._choose_application()
            self._at("profile")
            self._enter(FLOW.STEP_PROFILE_CONFIGURE)
            self._at("finish")
            self.exit_code = 0
            self._finish(COMPLETED)
        except Refused as refusal:
            if self.token and refusal.reason not in ("FLOW_FINISHED", "FLOW_EXPIRED", "DENIED"):
                self._finish(REFUSED)
            elif self.token:
                self._look()
        except Away:
            if self.token:
                self._finish(NETWORK)

    def _start(self):
        self._at("start")
        request = rpc.flows.StartFlowRequest(
            request_id=self._uuid(),
            product=self.product,
            kind=self.kind,
            redirect_uri=f"http://127.0.0.1:{self.random.randint(20000, 60000)}/callback",
            no_browser=self.random.random() < 0.1,
            invocation=self.invocation,
        )
        about = {
            "invocation": self.invocation.invocation_id,
            "anonymous": self.invocation.anonymous_id,
            "claimed": self.invocation.user_id,
            "product": self.product,
            "kind": FLOW.FlowKind.Name(self.kind).removeprefix("FLOW_KIND_").lower(),
            "tracked": self.tracked,
        }
        self.journal.ask("ask_start", **about)
        try:
            answer, _ = self.wire.call(self.wire.flows.StartFlow, request, deadline=40, retry_for=8)
        except Refused as refusal:
            # A flow that began and failed: its end was told.
            if refusal.flow_id:
                outcome = f"failed {refusal.reason}"
                self.journal.told("started", flow=refusal.flow_id, **about)
                self.journal.told("outcome", flow=refusal.flow_id, outcome=outcome, by="start", step="", attempt=1)
            raise
        self.flow_id, self.token = answer.flow.flow_id, answer.flow_token
        self.journal.told(
            "started", flow=self.flow_id, start=answer.flow.start_time.ToMilliseconds() / 1000, **about
        )
        if self.repeats:
            again, _ = self.wire.call(self.wire.flows.StartFlow, request)
            if again.flow_token != self.token:
                self.journal.told("contradiction", flow=self.flow_id, call="StartFlow", said="another token")
        self.state = answer.state
        if self.watches:
            self.watch = Watch(self.wire, self.journal, self.flow_id, self.token, self.random)
            if self.random.random() < 0.04:
                self.second_watch = Watch(self.wire, self.journal, self.flow_id, self.token, self.random)

    def _enter(self, step: int):
        self.journal.ask("ask_step", flow=self.flow_id, step=step_text(step))
        request = rpc.flows.RecordStepRequest(flow_token=self.token, step=step)
        answer = None
        for _ in range(2 if self.repeats else 1):
            answer, tries = self.wire.call(self.wire.flows.RecordStep, request)
        self.journal.told(
            "step", flow=self.flow_id, asked=step_text(step), tries=tries, **self._position(answer.flow)
        )
        self.state = answer.state or self.state
        return answer

    @staticmethod
    def _position(flow) -> dict:
        return {"step": step_text(flow.step), "attempt": flow.attempt}

    def _attempts(self, url: str):
        for attempt in range(1, 4):
            self._at("browser")
            query = self._browse(url)
            self._at("exchange")
            if self.habit == "forged redirect" and attempt == 1:
                self._forge(query)
            try:
                return self._exchange(query)
            except Refused as refusal:
                if refusal.reason not in ANOTHER_ATTEMPT or attempt == 3:
                    raise
            except Away:
                if attempt == 3:
                    raise
            answer = self._enter(FLOW.STEP_BROWSER_WAIT)
            if not answer.authorization_url:
                return None  # the exchange went well after all, and its answer is lost
            url = answer.authorization_url
        return None

    def _browse(self, url: str) -> str:
        """The person is in the browser for a while; the redirect's query."""
        if self.habit == "never comes":
            self._wait(60)
        self._wait(self.random.uniform(5, 7.5) if self.habit == "long wait" else self.random.expovariate(1 / 0.3))
        if self.habit == "declines":
            return urllib.parse.urlencode({"error": "access_denied", "state": self.state, **self._iss()})
        for _ in range(4):
            try:
                if self.product == "real":
                    answer = self._http(self.person.stage["browser"], "/open", {"url": url, "deliver": False})
                    location = json.loads(answer.read())["redirect"]
                else:
                    location = self._http(url, "").headers["location"]
                return urllib.parse.urlsplit(location).query
            except (OSError, http.client.HTTPException, KeyError, ValueError, TypeError):
                self._wait(self.random.uniform(0.05, 0.5))  # the provider has a bad moment
        raise Gone

    def _iss(self) -> dict:
        return {"iss": self.person.stage["issuer"]} if self.product == "real" else {}

    @staticmethod
    def _http(url: str, path: str, body: dict | None = None):
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
        if body is None:
            connection.request("GET", f"{parts.path}?{parts.query}")
        else:
            connection.request("POST", path, json.dumps(body))
        return connection.getresponse()

    def _forge(self, query: str):
        forged = dict(urllib.parse.parse_qsl(query)) | {"state": "forged"}
        self._refused("ExchangeCode", self._exchange, urllib.parse.urlencode(forged), by=("STATE_MISMATCH",))

    def _refused(self, name: str, call, *arguments, by: tuple):
        try:
            call(*arguments)
        except Refused as refusal:
            if refusal.reason in by:
                return
            raise
        self.journal.told("contradiction", flow=self.flow_id, call=name, said=f"no refusal of {by}")

    def _exchange(self, query: str):
        self.journal.ask("ask_exchange", flow=self.flow_id)
        request = rpc.tokens.ExchangeCodeRequest(flow_token=self.token, redirect_query=query)
        try:
            answer, tries = self.wire.call(self.wire.tokens.ExchangeCode, request, deadline=20, retry_for=10)
        except Refused as refusal:
            self.journal.told("refused", flow=self.flow_id, call="ExchangeCode", reason=refusal.reason)
            raise
        self.access_token = answer.tokens.access_token
        self.journal.told("exchanged", flow=self.flow_id, user=answer.identity.user_id, tries=tries)
        if self.repeats:
            try:
                again, _ = self.wire.call(self.wire.tokens.ExchangeCode, request, deadline=20, retry_for=10)
            except (Refused, Away):
                return  # the server was restarted meanwhile
            if again.tokens.access_token != self.access_token:
                self.journal.told("contradiction", flow=self.flow_id, call="ExchangeCode", said="other tokens")

    def _choose_application(self):
        self._at("applications")
        self.journal.ask("ask_list", flow=self.flow_id)
        request = rpc.applications.ListApplicationsRequest(
            product=self.product, access_token=self.access_token, flow_token=self.token
        )
        try:
            answer, tries = self.wire.call(self.wire.applications.ListApplications, request)
        except Refused as refusal:
            if refusal.reason != "APPLICATIONS_NOT_CONFIGURED":
                raise
            return
        self.journal.told("listed", flow=self.flow_id, tries=tries)
        if answer.applications and self.random.random() > 0.02:
            self._enter(FLOW.STEP_APP_SELECT)
            self._wait(self.random.expovariate(1 / 0.1))
            return
        self._enter(FLOW.STEP_APP_CREATE)
        request = rpc.applications.CreateApplicationRequest(
            request_id=self._uuid(),
            product=self.product,
            access_token=self.access_token,
            flow_token=self.token,
            name=self._uuid()[:13],
        )
        self.wire.call(self.wire.applications.CreateApplication, request)

    def _finish(self, outcome, last_word: bool = False):
        if self.habit == "two ends at once" and not last_word:
            other = threading.Thread(target=self._end, args=(self.random.choice([CANCELLED, PROFILE_WRITE]),))
            other.start()
            try:
                self._end(outcome)
            finally:
                other.join()
        else:
            self._end(outcome, last_word)
        if last_word:
            return
        if self.repeats:
            self._end(self.random.choice([CANCELLED, PROFILE_WRITE]))  # says what the first one said
        if self.random.random() < 0.2:
            self._look()

    def _end(self, outcome, last_word: bool = False):
        self.journal.ask("ask_finish", flow=self.flow_id, outcome=outcome_text(outcome))
        request = rpc.flows.FinishFlowRequest(flow_token=self.token, outcome=outcome)
        deadline = 1.0 if last_word else 20.0
        try:
            answer, _ = self.wire.call(
                self.wire.flows.FinishFlow, request, deadline=deadline, retry_for=10, last_word=last_word
            )
        except (Refused, Away):
            return
        self._told_end(answer.flow, "finish")

    def _look(self):
        answer, _ = self.wire.call(self.wire.flows.GetFlow, rpc.flows.GetFlowRequest(flow_token=self.token))
        if answer.flow.HasField("outcome"):
            self._told_end(answer.flow, "get")

    def _told_end(self, flow, by: str):
        self.journal.told(
            "outcome", flow=self.flow_id, outcome=outcome_text(flow.outcome), by=by, **self._position(flow)
        )

    # What comes in between.

    def _at(self, place: str):
        """Here the person may stop in one way or another."""
        self._wait(0)
        if place != self.place:
            return
        if self.habit == "dies":
            # Somewhere in the calls that come next.
            threading.Timer(self.random.uniform(0, 0.03), os.kill, [os.getpid(), signal.SIGKILL]).start()
        if not self.token:
            return
        if self.habit == "walks away":
            raise Gone
        if self.habit == "cancels":
            self.exit_code = 2
            self._finish(CANCELLED)
            raise Gone
        if self.habit == "fails":
            self._finish(PROFILE_WRITE)
            raise Gone

    def _wait(self, seconds: float):
        end = time.monotonic() + seconds
        while True:
            if self.person.interrupted.is_set():
                raise Interrupted
            if self.watch and self.watch.outcome:
                raise Over
            left = end - time.monotonic()
            if left <= 0:
                return
            # Woken by whichever is rarer to look at less often.
            self.person.interrupted.wait(min(left, 0.1))

    def _interrupted(self):
        """As the CLI: the end is told, and that takes a second at most."""
        if self.token and not (self.watch and self.watch.outcome):
            self._finish(CANCELLED, last_word=True)

    def _command(self):
        if not self.commands:
            return
        about = {"invocation": self.invocation.invocation_id, "anonymous": self.invocation.anonymous_id}
        self.journal.ask("ask_command", **about)
        request = rpc.commands.StartCommandRequest(product=self.product, invocation=self.invocation)
        try:
            self.wire.call(self.wire.commands.StartCommand, request, deadline=5)
            self.journal.told("command", **about)
        except (Refused, Away):
            self.commands = False

    def _end_command(self):
        about = {"invocation": self.invocation.invocation_id, "anonymous": self.invocation.anonymous_id}
        self.journal.ask("ask_command_end", exit_code=self.exit_code, **about)
        request = rpc.commands.FinishCommandRequest(
            product=self.product, invocation_id=self.invocation.invocation_id, exit_code=self.exit_code
        )
        request.duration.FromMilliseconds(1)
        try:
            self.wire.call(self.wire.commands.FinishCommand, request, deadline=5)
            self.journal.told("command_end", exit_code=self.exit_code, **about)
        except (Refused, Away, Interrupted):
            pass
