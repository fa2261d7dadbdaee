//! The order of keys in YAML as Go's writer has it: numbers in keys count as numbers.

use std::cmp::Ordering;

/// Compares two keys.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    let (left, right): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut in_digits = false;
    for (index, (x, y)) in left.iter().zip(&right).enumerate() {
        if x == y {
            in_digits = x.is_numeric();
            continue;
        }
        return match (x.is_alphabetic(), y.is_alphabetic()) {
            (true, true) => x.cmp(y),
            // After digits a letter comes first, so that `1a` is before `10`; else last.
            (true, false) if in_digits => Ordering::Less,
            (true, false) => Ordering::Greater,
            (false, true) if in_digits => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => numbers(&left, &right, index).then_with(|| x.cmp(y)),
        };
    }
    left.len().cmp(&right.len())
}

/// The numbers that stand at `index` in both; the shorter one first when they are equal.
fn numbers(left: &[char], right: &[char], index: usize) -> Ordering {
    // A zero after a digit that is none belongs to a number that has begun before.
    let begun = (left[index] == '0' || right[index] == '0')
        && left[..index]
            .iter()
            .rev()
            .take_while(|c| c.is_ascii_digit())
            .any(|c| *c != '0');
    let number = |text: &[char]| {
        let digits = text[index..].iter().map_while(|c| c.to_digit(10));
        let mut length = 0_usize;
        let value = digits.fold(i64::from(begun), |value, digit| {
            length += 1;
            value.wrapping_mul(10).wrapping_add(i64::from(digit))
        });
        (value, length)
    };
    number(left).cmp(&number(right))
}

#[cfg(test)]
mod tests {
    use super::compare;

    #[test]
    fn keys_come_in_the_order_of_gos_yaml() {
        // As `docker compose config` printed them.
        let expected = [
            "_a", "1a", "1b", "01", "9", "10", "A", "a", "a-9", "a-10", "a0", "a00", "a1", "a1b",
            "a1.5", "a1_b", "a01", "a2", "a10", "a010", "a100", "aB", "ab", "b-1", "b.1", "b_1",
            "b1", "é",
        ];
        let mut keys = expected;
        keys.sort_unstable();
        assert_ne!(keys, expected);
        keys.sort_by(|a, b| compare(a, b));
        assert_eq!(keys, expected);
    }
}
