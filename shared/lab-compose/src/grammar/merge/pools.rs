//! The address ranges of a network, by their subnet.

use crate::sink::Sink;
use crate::trail::Trail;
use crate::yaml::{Map, Node, Value};

/// Later ranges over earlier ones. This follows Docker Compose step by step, oddities included: an
/// earlier range stays only where a later one has its subnet, and is laid over with whatever comes.
pub(super) fn merge(base: Node, over: Node, sink: &mut Sink) -> Node {
    let place = over.place;
    let (Value::List(lower), Value::List(upper)) = (base.value, over.value) else {
        return Node::invalid(place);
    };
    let mut merged: Vec<Node> = Vec::new();
    for mut earlier in lower {
        for later in &upper {
            if subnet(later) != subnet(&earlier) && position(&merged, later).is_none() {
                merged.push(later.clone());
                continue;
            }
            earlier = laid_over(earlier, later.clone(), sink);
            match position(&merged, &earlier) {
                Some(at) => merged[at] = earlier.clone(),
                None => merged.push(earlier.clone()),
            }
        }
    }
    Node::new(place, Value::List(merged))
}

fn subnet(pool: &Node) -> Option<&str> {
    pool.as_map()?.get("subnet")?.as_text()
}

fn position(pools: &[Node], pool: &Node) -> Option<usize> {
    pools.iter().position(|other| subnet(other) == subnet(pool))
}

fn laid_over(base: Node, over: Node, sink: &mut Sink) -> Node {
    let empty = |node: &Node| node.as_map().is_none_or(|Map(entries)| entries.is_empty());
    if empty(&over) {
        return base;
    }
    super::anything(base, over, &Trail::ROOT, sink)
}
