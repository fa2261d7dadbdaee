//! Services that wait for one another.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::codes;
use crate::sink::{Finding, Place, Sink};

/// Service → what it depends on, and where it says so.
pub(crate) type Edges = BTreeMap<String, BTreeMap<String, Place>>;

/// Reports one cycle for each group of services that wait for one another.
pub(crate) fn report(edges: &Edges, sink: &mut Sink) {
    for group in groups(edges) {
        let Some(cycle) = cycle_through(edges, &group) else {
            continue;
        };
        let place = match cycle.as_slice() {
            [first, second, ..] => edges.get(*first).and_then(|to| to.get(*second)).copied(),
            _ => None,
        };
        let message = format!("services wait for one another: {}", cycle.join(" -> "));
        sink.add(
            Finding::error(codes::DEPENDENCY_CYCLE, place, message)
                .help("remove one of these dependencies; none of the services could start first"),
        );
    }
}

/// Sets of services each of which can reach all others of its set, found in one walk (Tarjan's
/// algorithm without recursion, since files decide how deep it goes).
fn groups(edges: &Edges) -> Vec<BTreeSet<&str>> {
    let mut walk = Walk::default();
    for start in edges.keys() {
        if !walk.index.contains_key(start.as_str()) {
            walk.from(start, edges);
        }
    }
    walk.groups.sort();
    walk.groups
}

#[derive(Default)]
struct Walk<'a> {
    /// Service → when it was met, and the earliest service it leads back to.
    index: BTreeMap<&'a str, (usize, usize)>,
    open: Vec<&'a str>,
    is_open: BTreeSet<&'a str>,
    groups: Vec<BTreeSet<&'a str>>,
}

impl<'a> Walk<'a> {
    fn from(&mut self, start: &'a str, edges: &'a Edges) {
        let next = |name: &str| edges.get(name).map(BTreeMap::keys);
        let mut path = vec![(start, next(start))];
        self.meet(start);
        while let Some((name, targets)) = path.last_mut() {
            let name = *name;
            match targets.as_mut().and_then(Iterator::next) {
                Some(target) if !self.index.contains_key(target.as_str()) => {
                    self.meet(target);
                    path.push((target, next(target)));
                }
                Some(target) => {
                    if self.is_open.contains(target.as_str()) {
                        let met = self
                            .index
                            .get(target.as_str())
                            .map_or(usize::MAX, |at| at.0);
                        self.lower(name, met);
                    }
                }
                None => {
                    path.pop();
                    let (met, low) = self.index.get(name).copied().unwrap_or_default();
                    if let Some((parent, _)) = path.last() {
                        self.lower(parent, low);
                    }
                    if met == low {
                        self.close(name);
                    }
                }
            }
        }
    }

    fn meet(&mut self, name: &'a str) {
        let met = self.index.len();
        self.index.insert(name, (met, met));
        self.open.push(name);
        self.is_open.insert(name);
    }

    fn lower(&mut self, name: &str, low: usize) {
        if let Some(at) = self.index.get_mut(name) {
            at.1 = at.1.min(low);
        }
    }

    fn close(&mut self, root: &str) {
        let mut group = BTreeSet::new();
        while let Some(name) = self.open.pop() {
            self.is_open.remove(name);
            group.insert(name);
            if name == root {
                break;
            }
        }
        self.groups.push(group);
    }
}

/// The shortest way from the group's first service back to itself.
fn cycle_through<'a>(edges: &'a Edges, group: &BTreeSet<&'a str>) -> Option<Vec<&'a str>> {
    let start = *group.first()?;
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(name) = queue.pop_front() {
        for target in edges.get(name).into_iter().flat_map(BTreeMap::keys) {
            let target = target.as_str();
            if target == start {
                let mut cycle = vec![start, name];
                let mut at = name;
                while let Some(before) = came_from.get(at) {
                    cycle.push(before);
                    at = before;
                }
                if name == start {
                    cycle.pop();
                }
                cycle.reverse();
                if cycle.last() != Some(&start) || cycle.len() == 1 {
                    cycle.push(start);
                }
                return Some(cycle);
            }
            if group.contains(target) && !came_from.contains_key(target) {
                came_from.insert(target, name);
                queue.push_back(target);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Edges, report};
    use crate::sink::{Place, Sink};

    fn cycles(edges: &[(&str, &[&str])]) -> Vec<String> {
        let to = |targets: &[&str]| {
            targets
                .iter()
                .map(|name| ((*name).to_owned(), Place::default()))
                .collect()
        };
        let edges: Edges = edges
            .iter()
            .map(|(name, targets)| ((*name).to_owned(), to(targets)))
            .collect();
        let mut sink = Sink::default();
        report(&edges, &mut sink);
        let all = sink.into_diagnostics().into_iter();
        all.map(|one| {
            one.message
                .rsplit(": ")
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
    }

    #[test]
    fn a_graph_without_cycles_is_silent() {
        assert!(cycles(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &[])]).is_empty());
    }

    #[test]
    fn each_group_gives_its_shortest_cycle_from_its_first_name() {
        let found = cycles(&[
            ("a", &["b"]),
            ("b", &["c", "a"]),
            ("c", &["a"]),
            ("d", &["d", "a"]),
            ("x", &["z"]),
            ("y", &["x"]),
            ("z", &["y"]),
            ("into", &["a"]),
        ]);
        assert_eq!(found, ["a -> b -> a", "d -> d", "x -> z -> y -> x"]);
    }

    #[test]
    fn a_chain_of_many_thousands_is_walked_without_recursion() {
        let name = |n: usize| format!("s{n:05}");
        let edges: Edges = (0..30_000)
            .map(|n| (name(n), [(name((n + 1) % 30_000), Place::default())].into()))
            .collect();
        let mut sink = Sink::default();
        report(&edges, &mut sink);
        assert_eq!(sink.into_diagnostics().len(), 1);
    }
}
