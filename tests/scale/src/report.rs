//! Figures and faults.

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// What was measured, with its figure.
    pub rows: Vec<(String, String)>,
    /// What should not have happened.
    pub faults: Vec<String>,
}

impl Report {
    /// Notes a figure.
    pub fn row(&mut self, what: &str, figure: impl Into<String>) {
        let figure = figure.into();
        tracing::info!(figure, "{what}");
        self.rows.push((what.to_owned(), figure));
    }

    /// Notes what should not have happened.
    pub fn fault(&mut self, what: impl Into<String>) {
        self.faults.push(what.into());
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (what, figure) in &self.rows {
            writeln!(f, "{what:<70} {figure}")?;
        }
        for fault in &self.faults {
            writeln!(f, "FAULT: {fault}")?;
        }
        Ok(())
    }
}
