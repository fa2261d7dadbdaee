//! What is going on while a command waits: rewritten lines on a terminal, one line a change elsewhere.

use std::collections::BTreeMap;

use super::screen::Screen;

/// How far a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It is being worked on.
    Working,
    /// It is as it should be.
    Done,
    /// It went wrong.
    Failed,
}

/// One thing that is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is: `Container shop-web-1`.
    pub name: String,
    /// What happens to it, one word where one will do: `Started`.
    pub word: String,
    /// How far it is.
    pub phase: Phase,
    /// With what it is counted where there are too many for a line each: `web on host1`.
    pub group: Option<String>,
}

impl Item {
    /// A thing with its state.
    #[must_use]
    pub fn new(name: impl Into<String>, word: impl Into<String>, phase: Phase) -> Self {
        Self {
            name: name.into(),
            word: super::table::one_line(&word.into()),
            phase,
            group: None,
        }
    }

    /// The same as one of many.
    #[must_use]
    pub fn of(self, group: impl Into<String>) -> Self {
        Self {
            group: Some(group.into()),
            ..self
        }
    }
}

/// Shows items as they change. Items are known by name and shown in the order they first came.
#[derive(Debug)]
pub struct Progress {
    screen: Screen,
    title: &'static str,
    items: Vec<Item>,
    /// Where in `items` a name stands.
    places: BTreeMap<String, usize>,
    lines_up: usize,
}

impl Progress {
    /// Nothing to show yet; `title` stands above the lines of a terminal: `Running`.
    #[must_use]
    pub const fn new(screen: Screen, title: &'static str) -> Self {
        Self {
            screen,
            title,
            items: Vec::new(),
            places: BTreeMap::new(),
            lines_up: 0,
        }
    }

    /// Shows what has changed.
    pub fn show(&mut self, items: impl IntoIterator<Item = Item>) {
        let changed = self.merge(items);
        if changed.is_empty() {
            return;
        }
        if self.screen.live {
            let text = self.frame();
            self.screen.say(&text);
        } else {
            let lines: String = changed.iter().map(plain).collect();
            self.screen.say(&lines);
        }
    }

    /// Takes the items in and gives those that are new or other than before.
    fn merge(&mut self, items: impl IntoIterator<Item = Item>) -> Vec<Item> {
        let mut changed = Vec::new();
        for item in items {
            match self
                .places
                .get(&item.name)
                .map(|place| &mut self.items[*place])
            {
                Some(known) if *known == item => continue,
                Some(known) => known.clone_from(&item),
                None => {
                    self.places.insert(item.name.clone(), self.items.len());
                    self.items.push(item.clone());
                }
            }
            changed.push(item);
        }
        changed
    }

    /// The whole block, over the one before.
    fn frame(&mut self) -> String {
        let mut text = match self.lines_up {
            0 => String::new(),
            lines => format!("\x1b[{lines}A"),
        };
        let done = self.items.iter().filter(|item| item.phase == Phase::Done);
        let head = format!("[+] {} {}/{}", self.title, done.count(), self.items.len());
        text.push_str(&format!("{head}\x1b[K\n"));
        let shown = self.shown();
        let width = shown.iter().map(|item| item.name.chars().count());
        let width = width.max().unwrap_or(0);
        for item in &shown {
            let mark = match item.phase {
                Phase::Working => '-',
                Phase::Done => '✔',
                Phase::Failed => '✘',
            };
            let line = format!(" {mark} {:width$}  {}", item.name, item.word);
            // A line that wraps would be two to go up.
            let line = super::table::shorten(&line, self.screen.size.0);
            text.push_str(&format!("{line}\x1b[K\n"));
        }
        let lines = shown.len() + 1;
        if lines < self.lines_up {
            text.push_str("\x1b[J");
        }
        self.lines_up = lines;
        text
    }

    /// What has a line: each item, or, when a block of them would be higher than the terminal, which cannot
    /// be written over, each group, and of these as many as there is room for.
    fn shown(&self) -> Vec<Item> {
        let room = self.screen.size.1.saturating_sub(3).max(1);
        if self.items.len() <= room {
            return self.items.clone();
        }
        let mut groups: Vec<(&str, Vec<&Item>)> = Vec::new();
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        for item in &self.items {
            let name = item.group.as_deref().unwrap_or(&item.name);
            let place = *places.entry(name).or_insert(groups.len());
            if place == groups.len() {
                groups.push((name, Vec::new()));
            }
            groups[place].1.push(item);
        }
        let mut lines: Vec<Item> = groups.iter().map(|(name, of)| summary(name, of)).collect();
        if lines.len() > room {
            let more = lines.len() - room + 1;
            lines.truncate(room - 1);
            lines.push(Item::new(format!("and {more} more"), "", Phase::Working));
        }
        lines
    }
}

/// Several things in one line: how many are done, and what the worst of the others is at.
fn summary(name: &str, items: &[&Item]) -> Item {
    if let [only] = items {
        return (*only).clone();
    }
    let of = |phase| items.iter().filter(move |item| item.phase == phase);
    let count = format!("{}/{}", of(Phase::Done).count(), items.len());
    let open = of(Phase::Failed).chain(of(Phase::Working)).next();
    match open {
        Some(item) => Item::new(name, format!("{count}, {}", item.word), item.phase),
        None => Item::new(name, count, Phase::Done),
    }
}

/// One line where lines cannot be rewritten: ` Container shop-web-1  Started`.
fn plain(item: &Item) -> String {
    format!(" {}  {}\n", item.name, item.word)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{Item, Phase, Progress, plain};
    use crate::output::screen::Screen;

    fn progress() -> Progress {
        let screen = Screen {
            interactive: false,
            live: true,
            colours: false,
            size: (48, 24),
        };
        Progress::new(screen, "Running")
    }

    #[test]
    fn only_what_changed_is_told() {
        let mut progress = progress();
        let starting = Item::new("Container shop-web-1", "Starting", Phase::Working);
        let started = Item::new("Container shop-web-1", "Started", Phase::Done);
        assert_eq!(progress.merge([starting.clone()]).len(), 1);
        assert_eq!(progress.merge([starting]), []);
        let changed = progress.merge([started.clone()]);
        assert_eq!(changed[0].word, "Started");
        assert_eq!(plain(&started), " Container shop-web-1  Started\n");
    }

    #[test]
    fn a_terminals_block_is_written_over_the_one_before() {
        let mut progress = progress();
        progress.merge([
            Item::new("Network shop_default", "Created", Phase::Done),
            Item::new("Container shop-web-1", "Starting", Phase::Working),
        ]);
        let first = progress.frame();
        progress.merge([Item::new(
            "Container shop-web-1",
            "no such\nimage: 0123456789",
            Phase::Failed,
        )]);
        let second = progress.frame();
        expect![[r#"
            [+] Running 1/2^[[K
             ✔ Network shop_default  Created^[[K
             - Container shop-web-1  Starting^[[K
            ^[[3A[+] Running 1/2^[[K
             ✔ Network shop_default  Created^[[K
             ✘ Container shop-web-1  no such image: 0123456…^[[K
        "#]]
        .assert_eq(&format!("{first}{second}").replace('\x1b', "^["));
    }

    #[test]
    fn more_than_a_terminal_holds_is_counted_by_service_and_node() {
        let mut progress = progress();
        let task = |number: u32, word: &str, phase| {
            let group = format!("web on host{}", number % 2);
            Item::new(format!("Container shop-web-{number}"), word, phase).of(group)
        };
        progress.merge([Item::new("Network shop_default", "Created", Phase::Done)]);
        progress.merge((0..20).map(|number| task(number, "Started", Phase::Done)));
        assert_eq!(
            progress.frame().lines().count(),
            22,
            "as many as there is room for"
        );
        progress.merge((20..60).map(|number| task(number, "Started", Phase::Done)));
        progress.merge([task(7, "Starting", Phase::Working)]);
        expect![[r#"
            ^[[22A[+] Running 60/61^[[K
             ✔ Network shop_default  Created^[[K
             ✔ web on host0          30/30^[[K
             - web on host1          29/30, Starting^[[K
            ^[[J"#]]
        .assert_eq(&progress.frame().replace('\x1b', "^["));
    }
}
