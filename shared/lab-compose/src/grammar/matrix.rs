//! The page of what is supported, made from the tables.

use std::fmt::Write as _;

use super::{FILE, Field, Object, Shape, Support};

/// The page of what Tercio does with each attribute, as Markdown.
#[must_use]
pub fn page() -> String {
    let mut page = Page::default();
    page.object(&FILE, "", None);
    let counts = page.counts;
    let mut out = String::from(HEAD);
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(
        out,
        "\n{} attributes: {} applied, {} refused, {} read and done with, {} without effect.\n",
        counts.iter().sum::<usize>(),
        counts[0],
        counts[1],
        counts[2],
        counts[3],
    );
    out.push_str("| attribute | one host | many hosts | remarks |\n|---|---|---|---|\n");
    out + &page.rows
}

const HEAD: &str = "\
# What Tercio does with each attribute of Compose

This page is written by `cargo xtask support` from the tables that the files are read with
(`shared/lab-compose/src/grammar`), and a test keeps it true. `*` stands for a name that you choose,
`[]` for each item of a list.

- **applied**: what runs is as the attribute says; **partly**: some of its values are refused, the
  remark says which.
- **constraint**: applied, and it limits where on several hosts a container can run.
- **refused**: `tercio config` reads, merges, checks and prints it like any other; `tercio up` and
  whatever else acts on the file refuse it (CMP0006) by name and place. Where it says nothing, such as
  `privileged: false`, there is nothing to refuse.
- **read**: it is dealt with when the files are read.
- **no effect**: nothing that runs depends on it.

Your own keys, `x-…`, may stand wherever Docker Compose allows them. What belongs to a refused
attribute is refused with it.
";

#[derive(Default)]
struct Page {
    rows: String,
    /// Applied, refused, read, without effect.
    counts: [usize; 4],
}

impl Page {
    fn object(&mut self, object: &Object, path: &str, above: Option<Support>) {
        for field in object.keys {
            let path = match path {
                "" => field.key.to_owned(),
                path => format!("{path}.{}", field.key),
            };
            self.field(field, &path, above);
        }
    }

    fn field(&mut self, field: &Field, path: &str, above: Option<Support>) {
        let support = above.unwrap_or(field.support);
        let (kind, one, many, remark) = match support {
            Support::Applied => (0, "applied", "applied", String::new()),
            Support::Constraint(what) => (0, "applied", "constraint", what.to_owned()),
            Support::Partly(what) => (0, "partly", "partly", what.to_owned()),
            Support::Read => (2, "read", "read", String::new()),
            Support::Note(what) => (3, "no effect", "no effect", what.to_owned()),
            Support::Refused { why, instead } => (1, "refused", "refused", refused(why, instead)),
        };
        let remark = if above.is_some() { "" } else { &remark };
        self.counts[kind] += 1;
        let remark = remark.replace('|', "\\|");
        let _ = writeln!(self.rows, "| `{path}` | {one} | {many} | {remark} |");
        let above = above.or(match support {
            Support::Refused { .. } | Support::Note(_) | Support::Read => Some(support),
            Support::Applied | Support::Constraint(_) | Support::Partly(_) => None,
        });
        self.below(&field.shape, path, above);
    }

    fn below(&mut self, shape: &Shape, path: &str, above: Option<Support>) {
        match shape {
            Shape::Object(object)
            | Shape::ObjectOrText(object, _)
            | Shape::ObjectOrNumber(object)
            | Shape::Driven(object) => self.object(object, path, above),
            Shape::Items(items) => self.object(items.object, &format!("{path}[]"), above),
            Shape::Table(table) | Shape::Named(table) => {
                self.below(&table.entry, &format!("{path}.*"), above);
            }
            _ => {}
        }
    }
}

fn refused(why: &str, instead: &str) -> String {
    match instead {
        "" => why.to_owned(),
        instead => format!("{why}; {instead}"),
    }
}
