//! `format: raw`: lines of `KEY=VALUE` whose values are taken as they are, without quotes, escapes and
//! variables. The grammar is that of `docker run --env-file`.

use super::{Assignment, LineFault};

/// Reads an environment file of the format `raw`.
#[must_use]
pub fn parse_raw(text: &str) -> (Vec<Assignment>, Vec<LineFault>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut read = Vec::new();
    let mut faults = Vec::new();
    for (number, whole) in text.lines().enumerate() {
        let line = whole.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = match line.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (line, None),
        };
        let fault = match key {
            "" => Some("a line must start with the name of a variable".to_owned()),
            key if key.contains(char::is_whitespace) => {
                Some(format!("the name `{key}` holds blanks"))
            }
            _ => None,
        };
        let column = whole[..whole.len() - line.len()].chars().count() + 1;
        match fault {
            Some(message) => faults.push(LineFault {
                line: u32::try_from(number + 1).unwrap_or(u32::MAX),
                column: u32::try_from(column).unwrap_or(u32::MAX),
                message,
                unset_variable: None,
            }),
            None => read.push(Assignment {
                key: key.to_owned(),
                value,
            }),
        }
    }
    (read, faults)
}

#[cfg(test)]
mod tests {
    use super::parse_raw;

    #[test]
    fn values_are_taken_as_they_are() {
        let text = "\u{feff}A=\"q $V\"\n# c\n  # c\n\n  B='x' # y \r\nC=\nD\nE=a=b\n";
        let (read, faults) = parse_raw(text);
        assert_eq!(faults, []);
        let pairs = read
            .iter()
            .map(|one| (one.key.as_str(), one.value.as_deref()));
        assert_eq!(
            pairs.collect::<Vec<_>>(),
            [
                ("A", Some("\"q $V\"")),
                ("B", Some("'x' # y ")),
                ("C", Some("")),
                ("D", None),
                ("E", Some("a=b")),
            ]
        );
    }

    #[test]
    fn a_name_with_blanks_and_none_at_all_are_refused_and_the_rest_is_read() {
        let (read, faults) = parse_raw("export A=1\n =x\nB = 2\nC=3\n");
        let places = faults.iter().map(|fault| (fault.line, fault.column));
        assert_eq!(places.collect::<Vec<_>>(), [(1, 1), (2, 2), (3, 1)]);
        assert_eq!(read.len(), 1);
    }
}
