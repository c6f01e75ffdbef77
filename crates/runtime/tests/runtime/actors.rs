//! Processes that follow random scripts and tell the model what they do.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use proptest::prelude::*;
use viga_runtime::executor::slice_end;
use viga_runtime::handles::constant;
use viga_runtime::monitor::AliasMode;
use viga_runtime::{NIL, Pid};

use crate::isolate::{Body, Isolate, Turn};
use crate::model::Model;

/// Milliseconds that no program lasts.
const NEVER: u32 = 3_600_000;

/// What a process does; numbers choose among what there is.
#[derive(Clone, Debug)]
pub enum Step {
    Spawn {
        linked: bool,
    },
    SpawnAway {
        scheduler: usize,
        linked: bool,
        monitor: bool,
    },
    Send {
        to: usize,
        times: usize,
    },
    Take {
        times: usize,
        aside: bool,
    },
    ReturnWindow,
    Link(usize),
    Unlink(usize),
    Monitor(usize, AliasMode),
    Demonitor {
        which: usize,
        flush: bool,
    },
    Unalias(usize),
    SendAlias {
        which: usize,
        times: usize,
    },
    Call {
        to: usize,
        impatient: bool,
    },
    Abandon(usize),
    Reply {
        times: usize,
    },
    TrapExit,
    Register {
        who: usize,
        name: u8,
    },
    Unregister {
        name: u8,
    },
    SendNamed {
        name: u8,
    },
    Timer {
        to: usize,
        now: bool,
    },
    CancelTimer,
    Signal {
        to: usize,
        reason: Reason,
    },
    Exit(Reason),
    End(i32),
    WaitFor(i32),
}

#[derive(Clone, Copy, Debug)]
pub enum Reason {
    Normal,
    Kill,
    Other,
}

fn reason() -> impl Strategy<Value = Reason> {
    prop_oneof![
        Just(Reason::Normal),
        Just(Reason::Kill),
        Just(Reason::Other)
    ]
}

fn mode() -> impl Strategy<Value = AliasMode> {
    (0u8..4).prop_map(|number| AliasMode::from_u8(number).expect("there are four"))
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0usize..12;
    prop_oneof![
        2 => any::<bool>().prop_map(|linked| Step::Spawn { linked }),
        2 => (0usize..3, any::<bool>(), any::<bool>()).prop_map(|(scheduler, linked, monitor)| {
            Step::SpawnAway { scheduler, linked, monitor }
        }),
        4 => (who.clone(), 1usize..40).prop_map(|(to, times)| Step::Send { to, times }),
        3 => (0usize..9, any::<bool>()).prop_map(|(times, aside)| Step::Take { times, aside }),
        1 => Just(Step::ReturnWindow),
        2 => who.clone().prop_map(Step::Link),
        1 => who.clone().prop_map(Step::Unlink),
        3 => (who.clone(), mode()).prop_map(|(to, mode)| Step::Monitor(to, mode)),
        1 => (who.clone(), any::<bool>()).prop_map(|(which, flush)| Step::Demonitor { which, flush }),
        1 => who.clone().prop_map(Step::Unalias),
        1 => (who.clone(), 1usize..3).prop_map(|(which, times)| Step::SendAlias { which, times }),
        3 => (who.clone(), any::<bool>()).prop_map(|(to, impatient)| Step::Call { to, impatient }),
        1 => who.clone().prop_map(Step::Abandon),
        2 => (1usize..3).prop_map(|times| Step::Reply { times }),
        1 => Just(Step::TrapExit),
        2 => (who.clone(), 0u8..3).prop_map(|(who, name)| Step::Register { who, name }),
        1 => (0u8..3).prop_map(|name| Step::Unregister { name }),
        1 => (0u8..3).prop_map(|name| Step::SendNamed { name }),
        1 => (who.clone(), any::<bool>()).prop_map(|(to, now)| Step::Timer { to, now }),
        1 => Just(Step::CancelTimer),
        2 => (who, reason()).prop_map(|(to, reason)| Step::Signal { to, reason }),
        1 => reason().prop_map(Step::Exit),
        1 => prop_oneof![Just(slice_end::HOLD), Just(slice_end::OUTCOME)].prop_map(Step::End),
        1 => (0i32..2).prop_map(Step::WaitFor),
    ]
}

/// One per slice.
pub type Script = VecDeque<Vec<Step>>;

pub fn script() -> impl Strategy<Value = Script> {
    proptest::collection::vec(proptest::collection::vec(step(), 0..6), 0..5).prop_map(Script::from)
}

/// What all processes of a program share.
#[derive(Default)]
pub struct World {
    pub model: Model,
    pub scripts: Vec<Script>,
    pub pids: Vec<Pid>,
    aliases: Vec<(Pid, u64)>,
}

pub type Shared = Rc<RefCell<World>>;

/// What one process remembers.
struct Actor {
    world: Shared,
    script: Script,
    requests: Vec<(Pid, u64)>,
    monitors: Vec<u64>,
    calls: Vec<u64>,
    timers: Vec<(u32, u32)>,
}

/// Starts a process with the next script; `None` when none is left.
pub fn start(isolate: &mut Isolate, world: &Shared, parent: Pid) -> Option<Pid> {
    let script = world.borrow_mut().scripts.pop()?;
    let pid = isolate.spawn_from(parent, body(world, script));
    world.borrow_mut().pids.push(pid);
    Some(pid)
}

/// The process that a blueprint names, by the number of its script in `scripts`.
pub fn definition(world: &Shared, scripts: &Rc<Vec<Script>>) -> Rc<dyn Fn(u64) -> Body> {
    let (world, scripts) = (Rc::clone(world), Rc::clone(scripts));
    Rc::new(move |number| body(&world, scripts[number as usize].clone()))
}

fn body(world: &Shared, script: Script) -> Body {
    let mut actor = Actor {
        world: Rc::clone(world),
        script,
        requests: Vec::new(),
        monitors: Vec::new(),
        calls: Vec::new(),
        timers: Vec::new(),
    };
    Box::new(move |turn| actor.slice(turn))
}

fn chosen<T: Copy>(from: &[T], number: usize) -> Option<T> {
    from.get(number.checked_rem(from.len())?).copied()
}

impl Actor {
    fn somebody(&self, number: usize) -> Pid {
        chosen(&self.world.borrow().pids, number).expect("at least itself")
    }

    fn slice(&mut self, turn: &mut Turn<'_>) -> i32 {
        if let Some((reference, how)) = turn.outcome {
            let mut world = self.world.borrow_mut();
            world.model.ended(turn.pid, reference, how);
        }
        let Some(steps) = self.script.pop_front() else {
            while self.take(turn) {}
            return slice_end::WAIT;
        };
        for step in steps {
            if let Some(end) = self.step(turn, step) {
                return end;
            }
        }
        slice_end::YIELD
    }

    fn take(&mut self, turn: &mut Turn<'_>) -> bool {
        let Some(message) = turn.take() else {
            return false;
        };
        let request = self.world.borrow_mut().model.received(turn.pid, message);
        self.requests.extend(request);
        true
    }

    fn step(&mut self, turn: &mut Turn<'_>, step: Step) -> Option<i32> {
        let pid = turn.pid;
        match step {
            Step::Spawn { linked } => {
                if let Some(child) = start(turn.isolate, &self.world, pid)
                    && linked
                {
                    turn.link(child);
                    self.world.borrow_mut().model.linked(pid, child);
                }
            }
            Step::SpawnAway {
                scheduler,
                linked,
                monitor,
            } => self.spawn_away(turn, scheduler, linked, monitor),
            Step::Send { to, times } => {
                let to = self.somebody(to);
                for _ in 0..times {
                    let value = self.world.borrow_mut().model.sent(pid, to);
                    turn.isolate.send(to, value);
                }
            }
            Step::Take { times, aside } => {
                for _ in 0..times {
                    if self.take(turn) && aside {
                        turn.held += 1;
                        self.world.borrow_mut().model.put_aside(pid);
                    }
                }
            }
            Step::ReturnWindow => turn.return_window(),
            Step::Link(to) => {
                let to = self.somebody(to);
                if turn.isolate.is_alive(to) && to != pid {
                    self.world.borrow_mut().model.linked(pid, to);
                }
                turn.link(to);
            }
            Step::Unlink(to) => {
                let to = self.somebody(to);
                turn.unlink(to);
                let far = turn.isolate.is_away(to);
                self.world.borrow_mut().model.unlinked(pid, to, far);
            }
            Step::Monitor(to, mode) => self.monitor(turn, to, mode),
            Step::Demonitor { which, flush } => {
                if let Some(reference) = chosen(&self.monitors, which) {
                    let found = turn.demonitor(reference, flush);
                    let mut world = self.world.borrow_mut();
                    world.model.unwatched(reference, found, flush);
                }
            }
            Step::Unalias(which) => {
                if let Some(reference) = chosen(&self.monitors, which) {
                    turn.isolate
                        .cross(|_, domain| domain.unalias(pid, reference));
                }
            }
            Step::SendAlias { which, times } => {
                let alias = chosen(&self.world.borrow().aliases, which);
                for (owner, reference) in alias.into_iter().cycle().take(times) {
                    let value = self.world.borrow_mut().model.loose();
                    turn.send_alias(owner, reference, value);
                }
            }
            Step::Call { to, impatient } => self.call(turn, to, impatient),
            Step::Abandon(which) => {
                if let Some(reference) = chosen(&self.calls, which) {
                    let found = turn
                        .isolate
                        .cross(|_, domain| domain.abandon(pid, reference));
                    self.world.borrow_mut().model.abandoned(reference, found);
                }
            }
            Step::Reply { times } => {
                if let Some((caller, reference)) = self.requests.pop() {
                    for _ in 0..times {
                        let value = self.world.borrow_mut().model.replied(reference);
                        turn.reply(caller, reference, value);
                    }
                }
            }
            Step::TrapExit => {
                turn.isolate
                    .cross(|_, domain| domain.set_trap_exit(pid, true));
            }
            Step::Register { who, name } => {
                let who = self.somebody(who);
                let name = name.to_string();
                let registered = turn.isolate.cross(|_, domain| domain.register(&name, who));
                if registered.is_ok() {
                    assert_eq!(turn.isolate.system.whereis(&name), Some(who));
                }
            }
            Step::Unregister { name } => {
                turn.isolate
                    .cross(|_, domain| domain.unregister(&name.to_string()));
            }
            Step::SendNamed { name } => {
                if let Some(to) = turn.isolate.system.whereis(&name.to_string()) {
                    let value = self.world.borrow_mut().model.sent(pid, to);
                    turn.isolate.send(to, value);
                }
            }
            Step::Timer { to, now } => self.timer(turn, to, now),
            Step::CancelTimer => {
                if let Some((timer, stamp)) = self.timers.pop() {
                    turn.isolate
                        .cross(|_, domain| domain.cancel_timer(timer, stamp));
                }
            }
            Step::Signal { to, reason } => {
                let to = self.somebody(to);
                let reason = self.reason(turn, reason);
                turn.isolate.cross(|queues, domain| {
                    let reason = domain.reason_of_executor(reason);
                    domain.signal_exit(queues, pid, to, reason);
                });
                if to == pid && reason == constant::NORMAL {
                    self.world.borrow_mut().model.ends_normally(pid);
                }
            }
            Step::Exit(reason) => {
                let reason = self.reason(turn, reason);
                if reason == constant::NORMAL {
                    self.world.borrow_mut().model.ends_normally(pid);
                }
                return Some(turn.exit_constant(reason));
            }
            Step::End(end) => return Some(end),
            Step::WaitFor(milliseconds) => {
                turn.timeout = milliseconds;
                return Some(slice_end::WAIT);
            }
        }
        None
    }

    fn reason(&self, turn: &mut Turn<'_>, reason: Reason) -> u32 {
        match reason {
            Reason::Normal => constant::NORMAL,
            Reason::Kill => constant::KILL,
            Reason::Other => {
                let value = self.world.borrow_mut().model.value();
                turn.isolate.reason(value)
            }
        }
    }

    fn monitor(&mut self, turn: &mut Turn<'_>, to: usize, mode: AliasMode) {
        let to = self.somebody(to);
        let reference = turn.monitor(to, mode);
        let mut world = self.world.borrow_mut();
        world.model.watched(turn.pid, to, reference);
        if mode == AliasMode::Reply {
            // A message through it ends the monitor as well, so nothing is known of its DOWN.
            turn.isolate
                .cross(|_, domain| domain.unalias(turn.pid, reference));
        }
        world.aliases.push((turn.pid, reference));
        self.monitors.push(reference);
    }

    fn call(&mut self, turn: &mut Turn<'_>, to: usize, impatient: bool) {
        let to = self.somebody(to);
        let reference = turn.isolate.next_reference();
        let mut world = self.world.borrow_mut();
        let request = world.model.requested(turn.pid, to, reference, impatient);
        let timeout = if impatient { 0 } else { NEVER };
        assert_eq!(turn.call(to, request, Some(timeout)), reference);
        self.calls.push(reference);
    }

    fn spawn_away(&mut self, turn: &mut Turn<'_>, scheduler: usize, linked: bool, monitor: bool) {
        let schedulers = turn.isolate.system.schedulers();
        let scheduler = scheduler % schedulers;
        if scheduler == turn.isolate.number || self.world.borrow_mut().scripts.pop().is_none() {
            return;
        }
        let blueprint = self.world.borrow().scripts.len() as u64;
        let reference = if monitor {
            turn.isolate.new_reference()
        } else {
            0
        };
        let isolate = &mut turn.isolate;
        let child = isolate.spawn_away(scheduler, turn.pid, blueprint, linked, reference);
        let mut world = self.world.borrow_mut();
        world.pids.push(child);
        if linked {
            world.model.linked(turn.pid, child);
        }
        if monitor {
            world.model.watched(turn.pid, child, reference);
            self.monitors.push(reference);
        }
    }

    fn timer(&mut self, turn: &mut Turn<'_>, to: usize, now: bool) {
        let to = self.somebody(to);
        let value = self.world.borrow_mut().model.loose();
        let milliseconds = if now { 0 } else { u64::from(NEVER) };
        let timer = turn.isolate.start_timer(to, milliseconds, value);
        if timer.0 != NIL {
            self.timers.push(timer);
        }
    }
}
