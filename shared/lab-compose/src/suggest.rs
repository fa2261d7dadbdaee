//! Did you mean …?

/// The candidate nearest to `word`, when it is near enough to be a slip of the finger.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    /// Keys are short; a longer word is not a misspelt one, and its distance costs time.
    const WORD_CHARACTERS_MAX: usize = 40;
    let typed: Vec<char> = word
        .to_lowercase()
        .chars()
        .take(WORD_CHARACTERS_MAX + 1)
        .collect();
    if typed.len() > WORD_CHARACTERS_MAX {
        return None;
    }
    let allowed = (typed.len() / 3).clamp(1, 2);
    candidates
        .map(|candidate| {
            (
                distance(&typed, &candidate.chars().collect::<Vec<_>>()),
                candidate,
            )
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits between two words; swapping two neighbours is one edit.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, right) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(left != right);
            let mut best = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *left == b[j - 1] && a[i - 1] == *right {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        let keys = ["image", "ports", "environment", "build"];
        let ask = |word| nearest(word, keys.into_iter());
        assert_eq!(ask("imgae"), Some("image"));
        assert_eq!(ask("port"), Some("ports"));
        assert_eq!(ask("enviroment"), Some("environment"));
        assert_eq!(ask("Image"), Some("image"));
        assert_eq!(ask("privileged"), None);
        assert_eq!(ask(&"x".repeat(10_000)), None);
    }
}
