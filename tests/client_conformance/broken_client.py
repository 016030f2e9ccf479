#!/usr/bin/python3
"""examples/python/login.py with one duty broken: broken_client.py BREACH. test_broken.py expects the kit to find each."""

import os
import random
import sys
import threading
import urllib.parse
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples/python"))

import login  # noqa: E402
from login import flow_pb2, flow_service_pb2, grpc  # noqa: E402

# Breach -> (the duty it breaks, the scenarios that see it, the changed client).
BREACHES = {}


def breach(duty: str, *scenarios: str):
    def add(change):
        BREACHES[change.__name__] = (duty, scenarios, change)
        return change

    return add


class Changed(login.Login):
    """With the handler of the listener within reach."""

    Handler = login.Listener.Handler

    def start(self):
        login.Listener.Handler = self.Handler
        super().start()


@breach("D1", "ctrl_c")
class ListensLater(Changed):
    def start_at(self, redirect_uri):
        return super().start_at("http://127.0.0.1:1/callback")


@breach("D2", "ctrl_c")
class RequestIdIsNoUuid(Changed):
    def start_at(self, redirect_uri):
        login.uuid = type("Uuid", (), {"uuid4": staticmethod(lambda: f"{random.random()}")})
        return super().start_at(redirect_uri)


@breach("D2", "login")
class OneRequestIdForAll(Changed):
    def start_at(self, redirect_uri):
        ids = iter(["5f2b0d7e-6a43-4c3f-9d2c-0d2f6a1b3c4d"])  # then the invocation's
        login.uuid = type("Uuid", (), {"uuid4": staticmethod(lambda: next(ids, None) or uuid.uuid4())})
        return super().start_at(redirect_uri)


@breach("D3", "opted_out")
class ConsentIsNotAsked(Changed):
    def start_at(self, redirect_uri):
        os.environ.pop("DO_NOT_TRACK", None)
        return super().start_at(redirect_uri)


@breach("D3", "login")
class AnonymousIdIsNotKept(Changed):
    def start_at(self, redirect_uri):
        login.keep("installation", str(uuid.uuid4()))
        return super().start_at(redirect_uri)


@breach("D4", "other_redirect_uri")
class OneRedirectUriOnly(Changed):
    def start(self):
        login.error_info = lambda error: login.error_details_pb2.ErrorInfo()
        super().start()


@breach("D5", "login")
class NeverWatches(Changed):
    def watch(self):
        pass


@breach("D5", "killed")
class WatchesFromAnotherProcess(Changed):
    """As a helper that is left running would."""

    def watch(self):
        import subprocess

        program = (
            "import grpc, os; from authflow.v1 import flow_service_pb2 as p, flow_service_pb2_grpc as g;"
            "[0 for _ in g.FlowServiceStub(grpc.insecure_channel(os.environ['AUTHFLOW_SERVER']))"
            ".WatchFlow(p.WatchFlowRequest(flow_token=os.environ['TOKEN']))]"
        )
        subprocess.Popen([sys.executable, "-c", program], env=dict(os.environ, TOKEN=self.token))

    def open(self, url):
        threading.Timer(1.5, super().open, (url,)).start()


@breach("D6", "drain")
class WatchesOnce(Changed):
    def watch(self):
        login.time = type("Time", (), {"sleep": staticmethod(lambda _: threading.Event().wait())})
        super().watch()


@breach("D6", "away")
class WatchesWithoutPause(Changed):
    def watch(self):
        login.time = type("Time", (), {"sleep": staticmethod(lambda _: None)})
        super().watch()


@breach("D6", "replaced")
class TakesItsWatchBack(Changed):
    def watch(self):
        while True:
            super().watch()


@breach("D7", "login")
class OpensBeforeTheStep(Changed):
    def start_at(self, redirect_uri):
        answer = super().start_at(redirect_uri)
        self.listener.state = answer.state
        self.open(answer.authorization_url)
        return answer


@breach("D8", "strays")
class AnyPathIsTheRedirect(Changed):
    class Handler(login.Listener.Handler):
        def do_GET(self):
            self.server.path = urllib.parse.urlsplit(self.path).path
            super().do_GET()


@breach("D8", "strays")
class AnyStateIsTheRedirect(Changed):
    class Handler(login.Listener.Handler):
        def do_GET(self):
            states = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query).get("state", [])
            own, self.server.state = self.server.state, states[0] if states else self.server.state
            super().do_GET()
            self.server.state = own


@breach("D9", "login")
class PutsTheQueryTogetherAgain(Changed):
    def exchange(self, query):
        return super().exchange(urllib.parse.urlencode(urllib.parse.parse_qsl(query)))


@breach("D9", "denial")
class ReadsTheErrorItself(Changed):
    def exchange(self, query):
        if "error=" in query:
            raise login.Ended("Denied.")
        return super().exchange(query)


@breach("D10", "login")
class AnswersThePageAtOnce(Changed):
    def exchange(self, query):
        self.page.say("You are signed in. You can close this page.")
        return super().exchange(query)

    def start(self):
        put = self.happened.put

        class Happened:
            get = self.happened.get

            @staticmethod
            def put(item):
                self.page = item[2]
                put(item)

        self.happened = Happened
        super().start()


@breach("D10", "denial")
class SaysSignedInWhateverHappened(Changed):
    def start(self):
        say = login.Page.say
        login.Page.say = lambda page, text: say(page, "You are signed in. You can close this page.")
        super().start()


@breach("D11", "mismatch")
class AStrayAnswerEndsIt(Changed):
    def exchange(self, query):
        try:
            return super().exchange(query)
        except grpc.RpcError as error:
            raise login.Ended(error.details()) from None


@breach("D12", "answer_gone", "device_late")
class OneAttemptOnly(Changed):
    def start(self):
        login.NEXT_ATTEMPT = set()
        super().start()


@breach("D12", "answer_gone")
class KeepsTheOldState(Changed):
    def sign_in(self):
        listener = self.listener

        class Kept(type(listener)):
            state = property(lambda self: self.first, lambda self, state: self.__dict__.setdefault("first", state))

        del listener.__dict__["state"]
        listener.__class__ = Kept
        return super().sign_in()


class NoServiceConfig(Changed):
    """Asks once."""

    def __init__(self, *arguments):
        login.SERVICE_CONFIG = type("Empty", (), {"read_text": staticmethod(lambda: "{}")})
        super().__init__(*arguments)


@breach("D13", "lost_start")
class StartsOnce(NoServiceConfig):
    pass


@breach("D13", "lost_start")
class StartsAnewForALostAnswer(NoServiceConfig):
    def start_at(self, redirect_uri):
        try:
            return super().start_at(redirect_uri)
        except grpc.RpcError:
            return super().start_at(redirect_uri)


@breach("D13", "lost_exchange", "device_lost")
class ExchangesOnce(NoServiceConfig):
    pass


@breach("D13", "lost_finish")
class FinishesOnce(NoServiceConfig):
    pass


@breach("D14", "login")
class NamesNoProfileStep(Changed):
    def step(self, step):
        return super().step(step) if step == flow_pb2.STEP_BROWSER_WAIT else None


@breach("D14", "login")
class RecordsTheServersStep(Changed):
    def exchange(self, query):
        answer = super().exchange(query)
        try:
            self.step(flow_pb2.STEP_CODE_EXCHANGE)
        except grpc.RpcError:
            pass
        return answer


@breach("D15", "refused")
class CallsEveryEndAborted(Changed):
    def finish(self, outcome):
        if not outcome.HasField("completed"):
            outcome.aborted.reason = flow_pb2.ABORT_REASON_USER_CANCELLED
        super().finish(outcome)


@breach("D15", "login")
class EndsNothing(Changed):
    def finish(self, outcome):
        pass


@breach("D15", "refused")
class EndsTwice(Changed):
    def finish(self, outcome):
        super().finish(outcome)
        again = flow_pb2.Outcome(failed=flow_pb2.Outcome.Failed(error_class=70))
        self.flows.FinishFlow(flow_service_pb2.FinishFlowRequest(flow_token=self.token, outcome=again), timeout=5)


@breach("D16", "terminated")
class WaitsForTheLastWord(Changed):
    def finish(self, outcome):
        request = flow_service_pb2.FinishFlowRequest(flow_token=self.token, outcome=outcome)
        try:
            self.flows.FinishFlow(request, timeout=3)
        except grpc.RpcError:
            pass


@breach("D16", "ctrl_c")
class DiesWithoutAWord(Changed):
    def finish(self, outcome):
        if not outcome.HasField("aborted"):
            super().finish(outcome)


@breach("D16", "ctrl_c_early")
class ForgetsTheFlowThatBegins(Changed):
    def finish(self, outcome):
        self.starting = None
        super().finish(outcome)


@breach("D16", "ctrl_c_unanswered")
class WaitsForStartFlow(Changed):
    def finish(self, outcome):
        if outcome.HasField("aborted"):
            self.starting.result(timeout=3)
        super().finish(outcome)


@breach("D17", "expired")
class WaitsOnWhenItIsOver(Changed):
    def start(self):
        put = self.happened.put
        get = self.happened.get
        self.happened = type("Happened", (), {"get": get, "put": lambda item: item[0] == "ended" or put(item)})
        super().start()


@breach("D17", "expired")
class FinishesWhatIsFinished(Changed):
    def finish(self, outcome):
        self.ended = False
        super().finish(outcome)


@breach("D18", "login")
class CallsWithoutADeadline(Changed):
    def exchange(self, query):
        return self.tokens.ExchangeCode(
            login.token_service_pb2.ExchangeCodeRequest(flow_token=self.token, redirect_query=query)
        )


@breach("D19", "login")
class PrintsItsTokens(Changed):
    def exchange(self, query):
        answer = super().exchange(query)
        print("debug:", answer)
        return answer


@breach("D20", "device")
class ShowsNoCode(Changed):
    def sign_in_with_code(self):
        login.print = lambda *_, **__: None
        return super().sign_in_with_code()


@breach("D20", "device")
class TakesPendingForAnEnd(Changed):
    def await_device(self, device_code):
        request = login.token_service_pb2.AwaitDeviceRequest(flow_token=self.token, device_code=device_code)
        answer = self.tokens.AwaitDevice(request, timeout=150)
        if answer.pending:
            raise login.Ended("Nobody typed the code in.")
        return answer


@breach("D20", "device")
class AsksForShort(Changed):
    """With a deadline below what the server holds a call for."""

    def await_device(self, device_code):
        ask = self.tokens.AwaitDevice.future
        short = type("Short", (), {"future": staticmethod(lambda request, timeout: ask(request, timeout=15))})
        self.tokens.AwaitDevice = short
        return super().await_device(device_code)


if __name__ == "__main__":
    login.Login = BREACHES[sys.argv[1]][2]
    exit_code = login.main()
    sys.stdout.flush()
    os._exit(exit_code)
