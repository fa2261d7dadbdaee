//! Services in the order of what they wait for.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{Dependency, ServiceName};

/// `services` so that each comes after those it depends on, by name where that leaves a choice. In
/// a cycle, which no checked project has, the names decide.
pub(super) fn dependencies_first<'a>(
    services: &BTreeMap<&'a ServiceName, &'a BTreeMap<ServiceName, Dependency>>,
) -> Vec<&'a ServiceName> {
    let mut waits: BTreeMap<&ServiceName, usize> = BTreeMap::new();
    let mut dependents: BTreeMap<&ServiceName, Vec<&'a ServiceName>> = BTreeMap::new();
    for (name, depends_on) in services {
        let known: Vec<_> = depends_on
            .keys()
            .filter(|on| services.contains_key(on) && on != name)
            .collect();
        waits.insert(name, known.len());
        for on in known {
            dependents.entry(on).or_default().push(name);
        }
    }
    let free = waits.iter().filter(|(_, count)| **count == 0);
    let mut free: BTreeSet<&ServiceName> = free.map(|(name, _)| *name).collect();
    let mut left: BTreeSet<&'a ServiceName> = services.keys().copied().collect();
    let mut ordered = Vec::new();
    while let Some(next) = free.pop_first().or_else(|| left.first().copied()) {
        let Some(name) = left.take(next) else {
            continue;
        };
        ordered.push(name);
        for dependent in dependents.get(name).into_iter().flatten() {
            if let Some(count) = waits.get_mut(dependent) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    free.insert(dependent);
                }
            }
        }
    }
    ordered
}
