//! Columns as Docker prints them: no borders, three spaces between, nothing behind the last.

/// The least width of a column. Source: Docker's own tables (`tabwriter` with a cell of 10).
const COLUMN_WIDTH_MIN: usize = 10;
/// Spaces between a column's widest cell and the next column.
const COLUMN_GAP: usize = 3;

/// A table on its way to the screen.
#[derive(Clone, Debug)]
pub struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns and no rows.
    #[must_use]
    pub fn new(header: &[&'static str]) -> Self {
        Self {
            header: header.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; cells beyond the columns are dropped, missing ones are empty. Line ends and other
    /// control characters inside a cell become spaces, so that a message cannot break the table.
    pub fn row<I, S>(&mut self, cells: I)
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        let mut cells: Vec<String> = cells
            .into_iter()
            .map(|cell| one_line(&cell.into()))
            .collect();
        cells.resize(self.header.len(), String::new());
        self.rows.push(cells);
    }

    /// The table's text, each line with its end.
    #[must_use]
    pub fn render(&self) -> String {
        let header: Vec<String> = self.header.iter().map(|&name| name.to_owned()).collect();
        let widths: Vec<usize> = (0..header.len())
            .map(|column| {
                let cells = std::iter::once(&header).chain(&self.rows);
                let widest = cells.map(|row| width(&row[column])).max().unwrap_or(0);
                COLUMN_WIDTH_MIN.max(widest + COLUMN_GAP)
            })
            .collect();
        let mut text = String::new();
        for row in std::iter::once(&header).chain(&self.rows) {
            let mut line = String::new();
            for (cell, &column_width) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', column_width - width(cell)));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

fn width(cell: &str) -> usize {
    cell.chars().count()
}

/// The text without control characters.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// At most `chars_max` characters, the last one an ellipsis when something was cut.
#[must_use]
pub fn shorten(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let kept = text.chars().take(chars_max.saturating_sub(1));
    kept.chain(std::iter::once('…')).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{Table, shorten};

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_end_without_spaces() {
        let mut table = Table::new(&["NAME", "SERVICE", "PORTS"]);
        table.row(["composetest-web-1", "web", "0.0.0.0:5000->5000/tcp"]);
        table.row(["composetest-redis-1", "redis", ""]);
        table.row(["é", "two\nlines"]);
        expect![[r"
            NAME                  SERVICE     PORTS
            composetest-web-1     web         0.0.0.0:5000->5000/tcp
            composetest-redis-1   redis
            é                     two lines
        "]]
        .assert_eq(&table.render());
    }

    #[test]
    fn a_table_without_rows_is_its_header() {
        assert_eq!(Table::new(&["ID", "NAME"]).render(), "ID        NAME\n");
    }

    #[test]
    fn a_long_text_is_cut_with_an_ellipsis() {
        assert_eq!(shorten("python app.py", 13), "python app.py");
        assert_eq!(shorten("python app.py", 7), "python…");
    }
}
