//! What a misspelt key was meant to be.

/// The known key nearest to `path`, if one is near enough to be meant.
///
/// Sections are compared as words joined by `_`, so that `lease_ttl` finds `lease.ttl`.
pub(super) fn nearest_key<'a>(path: &[String], known: &'a [Vec<String>]) -> Option<&'a [String]> {
    let wanted = joined(path);
    known
        .iter()
        .map(|candidate| (distance(&wanted, &joined(candidate)), candidate))
        .filter(|(distance, _)| *distance <= tolerance(&wanted))
        .min()
        .map(|(_, candidate)| candidate.as_slice())
}

/// The word nearest to `wanted`, if one is near enough to be meant.
pub(super) fn nearest_word<'a>(wanted: &str, words: &[&'a str]) -> Option<&'a str> {
    words
        .iter()
        .map(|word| (distance(wanted, word), *word))
        .filter(|(distance, _)| *distance <= tolerance(wanted))
        .min()
        .map(|(_, word)| word)
}

fn joined(path: &[String]) -> String {
    path.join("_").to_ascii_lowercase().replace('-', "_")
}

pub(super) fn distance(a: &str, b: &str) -> usize {
    strsim::damerau_levenshtein(a, b)
}

/// One slip in three letters, at least one and at most three: more is another word.
fn tolerance(word: &str) -> usize {
    (word.chars().count() / 3).clamp(1, 3)
}

#[cfg(test)]
mod tests {
    use super::{nearest_key, nearest_word};

    fn path(dotted: &str) -> Vec<String> {
        dotted.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn slips_and_wrong_separators_find_the_key_and_other_words_do_not() {
        let known = ["lease.ttl", "lease.renew", "nats.url"].map(path);
        for (written, meant) in [
            ("lease.tll", Some("lease.ttl")),
            ("lease_ttl", Some("lease.ttl")),
            ("nats.ulr", Some("nats.url")),
            ("leas.renew", Some("lease.renew")),
            ("colour", None),
        ] {
            let found = nearest_key(&path(written), &known);
            assert_eq!(found, meant.map(path).as_deref(), "{written}");
        }
    }

    #[test]
    fn the_nearest_of_a_few_words_is_found() {
        assert_eq!(nearest_word("jsno", &["human", "json"]), Some("json"));
        assert_eq!(nearest_word("xml", &["human", "json"]), None);
    }
}
