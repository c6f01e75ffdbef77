//! Random operations on the run queues against a model that keeps one flat list.
#![cfg(not(loom))]

use proptest::prelude::*;
use viga_scheduler::{LOW_PICK_INTERVAL, Priority, RunQueues};

#[derive(Clone, Debug)]
enum Operation {
    PushBack(Priority),
    PushFront(Priority),
    Pop,
    PopOfClass(Priority),
    StealHalf { refused: u32 },
}

/// The policy in the plainest words: a list in order of arrival, searched from the start each time.
#[derive(Default)]
struct Model {
    tasks: Vec<(u32, Priority)>,
    passed_over_low: u32,
}

impl Model {
    fn first_of(&self, priority: Priority) -> Option<usize> {
        self.tasks.iter().position(|(_, other)| *other == priority)
    }

    fn next(&self) -> Option<usize> {
        let low = self.first_of(Priority::Low);
        let urgent = self
            .first_of(Priority::Max)
            .or(self.first_of(Priority::High));
        match (urgent, self.first_of(Priority::Normal)) {
            (Some(urgent), _) => Some(urgent),
            (None, Some(_)) if low.is_some() && self.passed_over_low >= LOW_PICK_INTERVAL => low,
            (None, Some(normal)) => Some(normal),
            (None, None) => low,
        }
    }

    fn pop(&mut self) -> Option<(u32, Priority)> {
        let next = self.next()?;
        match self.tasks[next].1 {
            Priority::Low => self.passed_over_low = 0,
            Priority::Normal if self.first_of(Priority::Low).is_some() => self.passed_over_low += 1,
            _ => {}
        }
        Some(self.tasks.remove(next))
    }

    fn peek(&self) -> Option<Priority> {
        self.next().map(|next| self.tasks[next].1)
    }

    fn steal_half(&mut self, may_move: impl Fn(u32) -> bool) -> Vec<(u32, Priority)> {
        let wanted = self.tasks.len().div_ceil(2);
        let mut loot = Vec::new();
        for priority in Priority::ALL {
            let of_class = self.tasks.iter().filter(|(_, other)| *other == priority);
            let quota = of_class
                .clone()
                .count()
                .div_ceil(2)
                .min(wanted - loot.len());
            let taken: Vec<_> = of_class
                .filter(|(task, _)| may_move(*task))
                .take(quota)
                .copied()
                .collect();
            self.tasks.retain(|task| !taken.contains(task));
            loot.extend(taken);
        }
        loot
    }
}

fn priority() -> impl Strategy<Value = Priority> {
    (0_u8..4).prop_map(|byte| Priority::from_u8(byte).unwrap())
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => priority().prop_map(Operation::PushBack),
        1 => priority().prop_map(Operation::PushFront),
        3 => Just(Operation::Pop),
        1 => priority().prop_map(Operation::PopOfClass),
        1 => (1_u32..5).prop_map(|refused| Operation::StealHalf { refused }),
    ]
}

proptest! {
    #[test]
    fn run_queues_do_what_the_model_does(operations in prop::collection::vec(operation(), 0..300)) {
        let mut queues = RunQueues::new();
        let mut model = Model::default();
        for (task, operation) in (0_u32..).zip(operations) {
            match operation {
                Operation::PushBack(priority) => {
                    queues.push_back(task, priority);
                    model.tasks.push((task, priority));
                }
                Operation::PushFront(priority) => {
                    queues.push_front(task, priority);
                    model.tasks.insert(0, (task, priority));
                }
                Operation::Pop => prop_assert_eq!(queues.pop(), model.pop()),
                Operation::PopOfClass(class) => {
                    let expected = if model.peek() == Some(class) { model.pop() } else { None };
                    prop_assert_eq!(queues.pop_of_class(class), expected.map(|(task, _)| task));
                }
                Operation::StealHalf { refused } => {
                    let mut loot = Vec::new();
                    let taken = queues.steal_half(&mut loot, |task| task % refused != 0);
                    prop_assert_eq!(taken, loot.len());
                    prop_assert_eq!(loot, model.steal_half(|task| task % refused != 0));
                }
            }
            prop_assert_eq!(queues.peek_priority(), model.peek());
            prop_assert_eq!(queues.len(), model.tasks.len());
            prop_assert_eq!(queues.is_empty(), model.tasks.is_empty());
            for priority in Priority::ALL {
                let expected = model.tasks.iter().filter(|(_, other)| *other == priority).count();
                prop_assert_eq!(queues.len_of(priority), expected);
            }
        }
    }
}
