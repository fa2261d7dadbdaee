//! The address ranges of a network, by their subnet.

use crate::sink::{Place, Sink};
use crate::trail::Trail;
use crate::yaml::{Map, Node, Value};

/// Later ranges over earlier ones. This follows Docker Compose step by step, oddities included: an
/// earlier range stays only where a later one has its subnet, and every later one is laid over it once
/// it is in the list.
pub(super) fn merge(base: Node, over: Node, sink: &mut Sink) -> Node {
    let place = over.place;
    let (Value::List(mut earlier), Value::List(later)) = (base.value, over.value) else {
        return Node::invalid(place);
    };
    let mut list = Pools {
        first_later: earlier.len(),
        order: Vec::new(),
        pools: {
            earlier.extend(later);
            earlier
        },
    };
    for right in 0..list.first_later {
        for left in list.first_later..list.pools.len() {
            list.lay(left, right, sink);
        }
    }
    Node::new(place, Value::List(list.into_nodes()))
}

/// Ranges, of which some are in the list. One that is in it changes there when it is laid over.
struct Pools {
    /// The earlier ranges, then the later ones.
    pools: Vec<Node>,
    first_later: usize,
    /// Which of them make up the list.
    order: Vec<usize>,
}

impl Pools {
    /// Puts a later range into the list, or lays it over an earlier one that goes there.
    fn lay(&mut self, left: usize, right: usize, sink: &mut Sink) {
        if self.subnet(left) != self.subnet(right) && self.position(left).is_none() {
            self.order.push(left);
            return;
        }
        let nothing = Node::new(Place::default(), Value::Map(Map::default()));
        let below = std::mem::replace(&mut self.pools[right], nothing);
        let over = self.pools[left].clone();
        self.pools[right] = super::anything(below, over, &Trail::ROOT, sink);
        match self.position(right) {
            Some(at) => self.order[at] = right,
            None => self.order.push(right),
        }
    }

    fn subnet(&self, index: usize) -> Option<&str> {
        self.pools[index].as_map()?.get("subnet")?.as_text()
    }

    /// Where in the list a range of the same subnet stands.
    fn position(&self, index: usize) -> Option<usize> {
        let subnet = self.subnet(index);
        self.order
            .iter()
            .position(|other| self.subnet(*other) == subnet)
    }

    fn into_nodes(self) -> Vec<Node> {
        let nodes = self.order.iter();
        nodes.map(|index| self.pools[*index].clone()).collect()
    }
}
