//! Paths as text: the machine that has the files may not be the one that plans.

/// `path` without `.` and empty parts, and with `..` taken back where it can be. An empty result
/// is `.`; the root has no parent.
#[must_use]
pub fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// `path` as seen from `base`, clean.
#[must_use]
pub fn absolute(base: &str, path: &str) -> String {
    if path.starts_with('/') {
        clean(path)
    } else {
        clean(&format!("{base}/{path}"))
    }
}

/// The same with a leading `~` replaced by `home`; an absolute path stays as it is written.
pub(crate) fn expand(base: &str, home: Option<&str>, path: &str) -> String {
    match (path.strip_prefix('~'), home) {
        _ if path.starts_with('/') || is_of_windows(path) => path.to_owned(),
        // Nobody else's home is meant by `~name`: Docker Compose takes the rest for a path as well.
        (Some(rest), Some(home)) => clean(&format!("{home}/{rest}")),
        _ => absolute(base, path),
    }
}

/// Whether a path is absolute on Windows: `C:\\x`, `C:/x`, `\\\\host\\share`.
fn is_of_windows(path: &str) -> bool {
    let drive =
        matches!(path.as_bytes(), [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic());
    drive || path.starts_with("\\\\")
}

/// The folder that `path`, which is absolute and clean, stands in.
pub(crate) fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some((parent, _)) if !parent.is_empty() => parent,
        _ => "/",
    }
}

/// The way from one absolute folder to another: `../other`, `.` for the same.
pub(crate) fn relative(from: &str, to: &str) -> String {
    let (from, to) = (clean(from), clean(to));
    let parts = |path: &str| -> Vec<String> {
        let parts = path.split('/').filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    };
    let (from, to) = (parts(&from), parts(&to));
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from.iter().skip(common).map(|_| "..");
    let down = to.iter().skip(common).map(String::as_str);
    let way: Vec<&str> = up.chain(down).collect();
    clean(&way.join("/"))
}

/// The last part of `path`, empty for the root.
#[must_use]
pub fn base_name(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::{absolute, base_name, clean, expand, parent, relative};

    #[test]
    fn paths_are_cleaned_like_the_system_would() {
        let cases = [
            ("/a/./b//c/", "/a/b/c"),
            ("/a/../../b", "/b"),
            ("a/../..", ".."),
            ("", "."),
            ("./x", "x"),
            ("/", "/"),
        ];
        for (path, expected) in cases {
            assert_eq!(clean(path), expected, "{path:?}");
        }
    }

    #[test]
    fn relative_paths_start_from_the_base_and_a_tilde_from_home() {
        assert_eq!(absolute("/p", "../x"), "/x");
        assert_eq!(absolute("/p", "/x"), "/x");
        assert_eq!(expand("/p", Some("/root"), "~/z"), "/root/z");
        assert_eq!(expand("/p", Some("/root"), "~"), "/root");
        assert_eq!(expand("/p", None, "/x/../y/"), "/x/../y/");
        assert_eq!(expand("/p", Some("/root"), "~other/z"), "/root/other/z");
        assert_eq!(expand("/p", None, "~/z"), "/p/~/z");
    }

    #[test]
    fn the_way_between_two_folders_goes_up_no_further_than_it_must() {
        let cases = [
            ("/p", "/p", "."),
            ("/p", "/p/sub/x", "sub/x"),
            ("/p/a", "/p/b", "../b"),
            ("/p/a", "/", "../.."),
            ("/", "/x", "x"),
        ];
        for (from, to, expected) in cases {
            assert_eq!(relative(from, to), expected, "{from} to {to}");
        }
        assert_eq!(parent("/p/a"), "/p");
        assert_eq!(parent("/a"), "/");
    }

    #[test]
    fn the_base_name_is_the_last_part() {
        assert_eq!(base_name("/a/b/"), "b");
        assert_eq!(base_name("/"), "");
    }
}
