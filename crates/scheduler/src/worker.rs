//! The loop of a thread that belongs to the pool.

use crate::idle::WATCH_INTERVAL;
use crate::member::{Found, Member, Parking};
use crate::{Spinner, WallState};

pub(crate) struct Worker {
    member: Member,
    spinner: Spinner,
}

impl Worker {
    pub(crate) fn new(member: Member) -> Self {
        let spinner = Spinner::new(member.shared().config.busy_wait.budget());
        Worker { member, spinner }
    }

    /// Runs slices until the pool shuts down.
    pub(crate) fn run(mut self) {
        while let Some(task) = self.next_task() {
            self.member.run_slice(task);
        }
        self.member.resign();
    }

    /// The next task, however long it takes to come. Nothing when the pool shuts down.
    fn next_task(&mut self) -> Option<u32> {
        loop {
            match self.member.look_for_work() {
                Found::Task(task) => return Some(task),
                Found::Closing => return None,
                Found::Nothing => {}
            }
            if self.wait_busily() {
                continue;
            }
            match self.member.announce_park() {
                Parking::Found(task) => return Some(task),
                Parking::NotNow => {}
                Parking::Announced => self.sleep(),
            }
        }
    }

    /// Spins for a while. Returns whether work has come in sight.
    fn wait_busily(&mut self) -> bool {
        if self.spinner.budget().is_zero() {
            return false;
        }
        let statistics = self.member.scheduler().statistics();
        statistics.wall_time().turn(WallState::Spinning);
        let found = self.spinner.spin(|| self.member.sees_work());
        statistics.note_spin(found);
        found
    }

    /// Gives the thread up until somebody calls; as the one that watches, also until the next look is due.
    fn sleep(&mut self) {
        let watches = self.member.sees_others_busy() && self.member.shared().idle.begin_watching();
        let timeout = (watches && cfg!(not(loom))).then_some(WATCH_INTERVAL);
        self.member.scheduler().sleep(timeout);
        if watches {
            self.member.shared().idle.end_watching();
        }
        self.member.end_park();
    }
}
