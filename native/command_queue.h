// Work for the datapath thread from other threads: posted closures, run in order between bursts. The packet path pays
// one relaxed load for it.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace pw {

class CommandQueue {
 public:
  template <typename F>
  void push(F&& run) {
    auto command = std::make_unique<Closure<std::decay_t<F>>>(std::forward<F>(run));
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(command));
    has_waiting_.store(true);
  }

  bool has_waiting() const { return has_waiting_.load(); }

  // For the datapath thread. True when there was something to run.
  bool run_all() {
    if (!has_waiting_.load(std::memory_order_relaxed)) return false;
    {
      const std::lock_guard lock(mutex_);
      running_.swap(waiting_);
      has_waiting_.store(false);
    }
    for (auto& command : running_) command->run();
    running_.clear();
    return true;
  }

 private:
  struct Command {
    virtual ~Command() = default;
    virtual void run() = 0;
  };
  template <typename F>
  struct Closure : Command {
    explicit Closure(F f) : f_(std::move(f)) {}
    void run() override { f_(); }
    F f_;
  };

  std::mutex mutex_;
  std::atomic<bool> has_waiting_{false};
  std::vector<std::unique_ptr<Command>> waiting_;
  std::vector<std::unique_ptr<Command>> running_;
};

}  // namespace pw
