use std::collections::{BTreeMap, BTreeSet};

use lab_types::{NodeId, StreamId, UnixMillis};
use proptest::prelude::*;

use super::{Ask, Board, HEARD_MAX, LOOK_EVERY, Looked, SENDS_MAX, Stage, Verdict};

const IMAGE: &str = "sha256:web";

fn node(number: usize) -> NodeId {
    NodeId::new(format!("n{number:03}")).unwrap()
}

fn stream(number: usize) -> StreamId {
    StreamId::new(format!("s{number}")).unwrap()
}

fn all(count: usize) -> BTreeSet<NodeId> {
    (0..count).map(node).collect()
}

fn looked(holders: &[usize], complete: bool) -> Looked {
    Looked {
        image: IMAGE.into(),
        holders: holders.iter().map(|number| node(*number)).collect(),
        complete,
    }
}

/// A board, a clock, and numbered streams.
#[derive(Default)]
struct Table {
    board: Board,
    now: UnixMillis,
    streams: usize,
    working: BTreeSet<NodeId>,
}

impl Table {
    fn of(count: usize) -> Self {
        Self {
            working: all(count),
            ..Self::default()
        }
    }

    fn ask(&mut self, target: usize, stage: Stage) -> Verdict {
        self.streams += 1;
        let ask = Ask {
            target: node(target),
            image: IMAGE.into(),
            stage,
        };
        let id = stream(self.streams);
        self.board.on_ask(&ask, &self.working, id, self.now)
    }

    fn lacks(&mut self, target: usize) -> Verdict {
        self.ask(target, Stage::Lacks)
    }

    fn later(&mut self, ms: u64) {
        self.now = UnixMillis(self.now.0 + ms);
    }
}

fn source_of(verdict: Verdict) -> NodeId {
    match verdict {
        Verdict::Draw { source, .. } => source,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_leader_that_knows_nothing_asks_all_nodes_once_and_then_says_who_sends() {
    let mut table = Table::of(4);
    assert_eq!(table.lacks(1), Verdict::Look);
    assert_eq!(table.lacks(2), Verdict::Looking);
    table.board.on_looked(looked(&[0], true), table.now);
    assert_eq!(source_of(table.lacks(1)), node(0));
    assert_eq!(source_of(table.lacks(2)), node(0));
    assert_eq!(table.lacks(3), Verdict::Queue { sources: 1 });
    assert_eq!(table.ask(1, Stage::Has), Verdict::GoOn);
    assert_eq!(
        source_of(table.lacks(3)),
        node(1),
        "the new one has done nothing yet"
    );
}

#[test]
fn nobody_has_it_only_when_every_node_of_the_lab_has_said_so() {
    let mut table = Table::of(3);
    assert_eq!(table.lacks(1), Verdict::Look);
    table.board.on_looked(looked(&[], false), table.now);
    assert_eq!(table.lacks(1), Verdict::NotAll);
    table.later(LOOK_EVERY.0);
    assert_eq!(table.lacks(1), Verdict::Look);
    table.board.on_looked(looked(&[], true), table.now);
    assert_eq!(table.lacks(1), Verdict::Nobody);
    table.later(LOOK_EVERY.0);
    assert_eq!(table.lacks(1), Verdict::Look, "somebody may have built it");
}

#[test]
fn a_look_that_never_comes_back_is_begun_again() {
    let mut table = Table::of(3);
    assert_eq!(table.lacks(1), Verdict::Look);
    table.later(HEARD_MAX.0);
    assert_eq!(table.lacks(1), Verdict::Look);
}

#[test]
fn a_transfer_goes_on_under_a_new_leader_and_counts_against_its_source() {
    let mut table = Table::of(4);
    for target in [1, 2] {
        let (source, stream) = (node(0), stream(900 + target));
        let draws = Stage::Draws { source, stream };
        assert_eq!(table.ask(target, draws), Verdict::GoOn);
    }
    assert_eq!(table.lacks(3), Verdict::Queue { sources: 1 });
    table.later(HEARD_MAX.0);
    assert_eq!(
        source_of(table.lacks(3)),
        node(0),
        "the silent ones count no more"
    );
}

#[test]
fn a_transfer_whose_source_is_gone_goes_on_from_another() {
    let mut table = Table::of(4);
    table.board.on_looked(looked(&[0, 3], true), table.now);
    let Verdict::Draw { source, stream } = table.lacks(1) else {
        panic!("it draws");
    };
    table.working.remove(&source);
    let draws = Stage::Draws {
        source: source.clone(),
        stream,
    };
    let other = source_of(table.ask(1, draws));
    assert_ne!(other, source);
    table.working.remove(&other);
    let broke = Stage::Broke { source: other };
    assert_eq!(table.ask(1, broke), Verdict::NotAll, "both may come back");
    table.later(LOOK_EVERY.0);
    assert_eq!(table.lacks(1), Verdict::Look);
}

#[test]
fn a_source_whose_transfers_break_is_tried_last_and_one_that_lacks_the_image_never() {
    let mut table = Table::of(4);
    table.board.on_looked(looked(&[0, 3], true), table.now);
    let first = source_of(table.lacks(1));
    let broke = Stage::Broke {
        source: first.clone(),
    };
    let Verdict::Draw { source, stream } = table.ask(1, broke) else {
        panic!("it draws");
    };
    assert_ne!(source, first);
    table.board.on_refused(IMAGE, &node(1), &stream, true);
    assert_eq!(source_of(table.lacks(1)), first, "the only one left");
    // A refusal that comes late takes nothing from the transfer in its place.
    table.board.on_refused(IMAGE, &node(1), &stream, true);
    assert_eq!(table.board.sends(), [(first, 1)].into());
}

/// What one node of the simulated lab does.
#[derive(Clone, Debug)]
enum Doing {
    Lacking,
    Drawing {
        source: usize,
        stream: StreamId,
        left: u32,
    },
    Having,
}

impl Doing {
    /// Goes on, and says how it stands.
    fn a_second_later(&mut self, is_gone: impl Fn(usize) -> bool) -> Option<Stage> {
        match self {
            Self::Having => None,
            Self::Lacking => Some(Stage::Lacks),
            Self::Drawing { source, .. } if is_gone(*source) => Some(Stage::Broke {
                source: node(*source),
            }),
            Self::Drawing { left: 0, .. } => Some(Stage::Has),
            Self::Drawing {
                source,
                stream,
                left,
            } => {
                *left -= 1;
                Some(Stage::Draws {
                    source: node(*source),
                    stream: stream.clone(),
                })
            }
        }
    }
}

/// Runs a lab in which each node says every second how it stands, a transfer takes 3 s, and the nodes
/// in `dies` are gone from their second on, for a while. Gives how many seconds it took, and how many
/// transfers each node began.
fn spread(count: usize, dies: &BTreeMap<usize, u64>) -> (u64, Vec<u32>) {
    let mut table = Table::of(count);
    let mut doing = vec![Doing::Lacking; count];
    doing[0] = Doing::Having;
    let mut began = vec![0; count];
    for second in 0..600 {
        let is_gone = |number: usize| {
            let gone_at = dies.get(&number);
            gone_at.is_some_and(|at| (*at..*at + 20).contains(&second))
        };
        table.working = (0..count).filter(|n| !is_gone(*n)).map(node).collect();
        for number in (0..count).filter(|number| !is_gone(*number)) {
            let Some(stage) = doing[number].a_second_later(is_gone) else {
                continue;
            };
            let has = stage == Stage::Has;
            match table.ask(number, stage) {
                Verdict::Draw { source, stream } => {
                    let source: usize = source.as_str()[1..].parse().unwrap();
                    assert!(
                        matches!(doing[source], Doing::Having),
                        "n{source} sends and has nothing"
                    );
                    began[number] += 1;
                    doing[number] = Doing::Drawing {
                        source,
                        stream,
                        left: 3,
                    };
                }
                Verdict::Look => {
                    let has = |number: &usize| matches!(doing[*number], Doing::Having);
                    let found: Vec<usize> = (0..count).filter(|n| has(n) && !is_gone(*n)).collect();
                    let complete = table.working.len() == count;
                    table.board.on_looked(looked(&found, complete), table.now);
                }
                Verdict::GoOn if has => doing[number] = Doing::Having,
                Verdict::GoOn => {}
                Verdict::Looking | Verdict::Queue { .. } | Verdict::NotAll => {
                    doing[number] = Doing::Lacking;
                }
                Verdict::Nobody => panic!("a node has it"),
            }
            let most = table.board.sends().into_values().max().unwrap_or_default();
            assert!(most <= SENDS_MAX, "{most} transfers from one node");
        }
        if doing.iter().all(|doing| matches!(doing, Doing::Having)) {
            return (second, began);
        }
        table.later(1000);
    }
    panic!("it does not end: {doing:?}");
}

#[test]
fn a_hundred_nodes_get_an_image_from_one_in_a_few_rounds_and_each_gets_it_once() {
    let (seconds, began) = spread(100, &BTreeMap::new());
    assert!(began[1..].iter().all(|began| *began == 1), "{began:?}");
    // 3^5 > 100: five rounds of 4 s and a second each until it shows, not the fifty rounds of one source.
    assert!(seconds <= 30, "{seconds} s");
}

proptest! {
    #[test]
    fn whatever_nodes_go_away_for_a_while_everyone_gets_it_in_the_end(
        count in 2usize..40,
        dies in prop::collection::btree_map(0usize..40, 0u64..40, 0..10),
    ) {
        let (_, began) = spread(count, &dies);
        prop_assert!(began[1..].iter().all(|began| *began >= 1));
    }
}
