//! What is going on while a command waits: rewritten lines on a terminal, one line a change elsewhere.

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
}

impl Item {
    /// A thing with its state.
    #[must_use]
    pub fn new(name: impl Into<String>, word: impl Into<String>, phase: Phase) -> Self {
        Self {
            name: name.into(),
            word: super::table::one_line(&word.into()),
            phase,
        }
    }
}

/// Shows items as they change. Items are known by name and shown in the order they first came.
#[derive(Debug)]
pub struct Progress {
    screen: Screen,
    title: &'static str,
    items: Vec<Item>,
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
            lines_up: 0,
        }
    }

    /// Shows what has changed.
    pub fn show(&mut self, items: impl IntoIterator<Item = Item>) {
        let changed = self.merge(items);
        if changed.is_empty() {
            return;
        }
        // A block higher than the terminal cannot be written over.
        let fits = self.items.len() + 2 < self.screen.size.1;
        if self.screen.live && fits {
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
            match self.items.iter_mut().find(|known| known.name == item.name) {
                Some(known) if *known == item => continue,
                Some(known) => known.clone_from(&item),
                None => self.items.push(item.clone()),
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
        let width = self.items.iter().map(|item| item.name.chars().count());
        let width = width.max().unwrap_or(0);
        for item in &self.items {
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
        self.lines_up = self.items.len() + 1;
        text
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
}
