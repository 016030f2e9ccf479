#include "client/cli/wait_line.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace authflow {
namespace {

// Shorter waits show nothing.
constexpr std::chrono::milliseconds kBegin(250);
constexpr std::chrono::milliseconds kFrame(120);

constexpr const char* kDots[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
constexpr const char* kStrokes[] = {"|", "/", "-", "\\"};

const char* Frame(bool unicode, size_t number) {
  return unicode ? kDots[number % std::size(kDots)] : kStrokes[number % std::size(kStrokes)];
}

}  // namespace

struct WaitLine::State {
  State(Executor executor, const Output& to, Waiting what)
      : out(to), wait(std::move(what)), timer(std::move(executor)) {}
  const Output& out;
  const Waiting wait;
  const SteadyTime begun = SteadyNow();  // ours; the wait may have begun before
  Event::Timer timer;
  std::string note;
  size_t frame = 0;
  bool over = false;

  bool slow() const { return !wait.slow.empty() && SteadyNow() >= wait.begun + wait.patience; }
  void Draw() {
    std::string line = absl::StrCat(Frame(out.looks().unicode, frame++), " ", slow() ? wait.slow : wait.what);
    if (wait.ends) absl::StrAppend(&line, ", ", TimeLeft(*wait.ends - SteadyNow()), " left");
    absl::StrAppend(&line, ".", note.empty() ? "" : " ", note, wait.advice.empty() ? "" : " ", wait.advice);
    out.ShowLine(line);
  }
};

WaitLine::WaitLine(Executor executor, const Output& out, Waiting wait)
    : state_(std::make_shared<State>(std::move(executor), out, std::move(wait))) {
  const Waiting& about = state_->wait;
  if (!out.looks().redraws && out.looks().terminal && about.ends) {
    out.Say(absl::StrCat(about.what, ", ", TimeLeft(*about.ends - SteadyNow()), " left.",
                         about.advice.empty() ? "" : " ", about.advice));
  }
  Tick(state_);
}

WaitLine::~WaitLine() {
  state_->over = true;
  state_->timer.cancel();
  state_->out.ShowLine("");
}

void WaitLine::Note(std::string note) { state_->note = std::move(note); }

void WaitLine::Tick(std::shared_ptr<State> state) {
  const bool first = state->frame == 0;
  SteadyTime next = first ? state->begun + kBegin : SteadyNow() + kFrame;
  if (!state->out.looks().redraws) next = state->wait.begun + state->wait.patience;
  state->timer.expires_at(next);
  state->timer.async_wait([state](const boost::system::error_code& error) {
    if (error || state->over) return;
    if (state->out.looks().redraws) {
      state->Draw();
      Tick(state);
    } else if (state->slow()) {
      state->out.SayOnce(absl::StrCat(state->wait.slow, "."));
    }
  });
}

std::string TimeLeft(SteadyTime::duration left) {
  const auto seconds = std::max<int64_t>(0, std::chrono::ceil<std::chrono::seconds>(left).count());
  return absl::StrFormat("%d:%02d", seconds / 60, seconds % 60);
}

}  // namespace authflow
