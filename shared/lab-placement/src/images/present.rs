//! Which image a name means, when several nodes are asked.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{NodeId, UnixMillis};

/// An image as one node has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its id.
    pub id: String,
    /// When it last got a name there, by that node's clock; absent where the engine does not tell.
    pub tagged_at: Option<UnixMillis>,
}

/// What the lab has of the images asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Present {
    /// The id of each image that some node has.
    pub ids: BTreeMap<String, String>,
    /// Those of them that another node lacks, or has with another id.
    pub partly: BTreeSet<String>,
}

/// Decides for each of `images` which id it stands for.
///
/// Nodes that have different images under one name are told apart by when the image got its name: a
/// build names its result last of all, also one that came whole from the cache. Where that is equal
/// or not known, it is the image that the project runs now, else the one with the greatest id: any
/// choice does, as long as it is the same each time. An image that no node has by its name is still
/// there when the project runs it by its id and a node has that: a node that was given the image by
/// another has no name for it, and the one that built it may be away.
#[must_use]
pub fn present(
    images: &[String],
    runs: &BTreeMap<String, String>,
    nodes: &BTreeMap<NodeId, BTreeMap<String, Seen>>,
) -> Present {
    let mut found = Present::default();
    for image in images {
        let by_name = nodes.values().filter_map(|here| here.get(image));
        let named = by_name.max_by_key(|seen| {
            let runs_now = runs.get(image) == Some(&seen.id);
            (seen.tagged_at, runs_now, &seen.id)
        });
        let by_id = || {
            let id = runs.get(image)?;
            nodes.values().find_map(|here| here.get(id))
        };
        let Some(seen) = named.or_else(by_id) else {
            continue;
        };
        let is_here = |here: &BTreeMap<String, Seen>| {
            let other = here.get(image);
            other.is_some_and(|other| other.id == seen.id)
        };
        if !nodes.values().all(is_here) {
            found.partly.insert(image.clone());
        }
        found.ids.insert(image.clone(), seen.id.clone());
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lab_types::{NodeId, UnixMillis};

    use super::{Present, Seen, present};

    /// `n1: web=a@5 db=b, n2: web=a@7`, where `@` says when it was named.
    fn nodes(text: &str) -> BTreeMap<NodeId, BTreeMap<String, Seen>> {
        let node = |text: &str| {
            let (node, images) = text.split_once(':').unwrap();
            let image = |text: &str| {
                let (name, seen) = text.split_once('=').unwrap();
                let (id, at) = seen.split_once('@').unwrap_or((seen, ""));
                let tagged_at = at.parse().ok().map(UnixMillis);
                let id = id.to_owned();
                (name.to_owned(), Seen { id, tagged_at })
            };
            let images = images.split_whitespace().map(image).collect();
            (NodeId::new(node.trim()).unwrap(), images)
        };
        text.split(',').map(node).collect()
    }

    fn web(runs: &str, text: &str) -> String {
        let runs = [("web".to_owned(), runs.to_owned())].into();
        let Present { ids, partly } = present(&["web".to_owned()], &runs, &nodes(text));
        match (ids.get("web"), partly.contains("web")) {
            (Some(id), true) => format!("{id}, not everywhere"),
            (Some(id), false) => format!("{id}, everywhere"),
            (None, _) => "absent".to_owned(),
        }
    }

    #[test]
    fn an_image_on_one_node_of_three_is_there_and_not_everywhere() {
        assert_eq!(web("", "n1: web=a@5, n2:, n3: db=b"), "a, not everywhere");
        assert_eq!(web("", "n1: web=a@5, n2: web=a@9"), "a, everywhere");
        assert_eq!(web("", "n1: db=a, n2:"), "absent");
    }

    #[test]
    fn of_two_images_of_one_name_the_one_that_was_named_last_counts() {
        // Built anew on n2 while n1, which has the old one, was away.
        assert_eq!(web("a", "n1: web=a@5, n2: web=b@9"), "b, not everywhere");
        // Built anew from the old source on n1: the cache gives the old image its name again.
        assert_eq!(web("b", "n1: web=a@12, n2: web=b@9"), "a, not everywhere");
    }

    #[test]
    fn where_no_time_tells_the_image_that_runs_now_counts_and_else_the_greatest_id() {
        assert_eq!(web("a", "n1: web=a, n2: web=b"), "a, not everywhere");
        assert_eq!(web("z", "n1: web=a@5, n2: web=b@5"), "b, not everywhere");
    }

    #[test]
    fn the_image_that_runs_is_there_also_when_the_node_that_has_its_name_is_away() {
        assert_eq!(web("a", "n2: a=a, n3:"), "a, not everywhere");
        assert_eq!(web("a", "n2: db=b, n3:"), "absent");
    }
}
