//! Variable references in texts: `$NAME`, `${NAME}` and `${NAME:-default}` with its relatives.
//!
//! Source: Compose specification, "Interpolation"; what the specification leaves open follows
//! Docker Compose. Pure text work; [`tree`] applies it to a file.

pub(crate) mod tree;

/// References inside one another that are followed; Compose files use two.
const NESTING_MAX: usize = 32;

/// Bytes that the references of one load may expand to, against texts that double and double.
pub(crate) const EXPANDED_BYTES_MAX: usize = 32 << 20;

/// Finds the value of a variable.
pub type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// What became of a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Expanded {
    pub(crate) text: String,
    /// Variables without value and default, each with the byte offset of its reference.
    pub(crate) unset: Vec<(usize, String)>,
}

/// Why a text cannot be expanded; offsets are bytes into it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A reference does not follow the grammar.
    Format { at: usize },
    /// `${NAME:?message}` and the variable has no value.
    Required {
        at: usize,
        name: String,
        message: String,
    },
    /// The expansion is too large or too deep.
    TooLarge { at: usize },
}

/// Replaces the references in `text`. `budget` is what the load may still expand to, in bytes.
pub(crate) fn expand(
    text: &str,
    lookup: &Lookup<'_>,
    budget: &mut usize,
) -> Result<Expanded, Fault> {
    let mut expander = Expander {
        source: text,
        lookup,
        budget,
        unset: Vec::new(),
    };
    let text = expander.range(0, text.len(), 0, Use::Wanted)?;
    Ok(Expanded {
        text,
        unset: expander.unset,
    })
}

/// Whether the outcome of a part is used: an unused default is checked for its form only.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Wanted,
    FormOnly,
}

#[derive(Clone, Copy)]
enum Operator {
    Default,
    Alternative,
    Required,
}

struct Expander<'a> {
    source: &'a str,
    lookup: &'a Lookup<'a>,
    budget: &'a mut usize,
    unset: Vec<(usize, String)>,
}

impl Expander<'_> {
    /// Expands the bytes `from..to` of the source.
    fn range(&mut self, from: usize, to: usize, depth: usize, used: Use) -> Result<String, Fault> {
        if depth > NESTING_MAX {
            return Err(Fault::TooLarge { at: from });
        }
        let mut out = String::new();
        let mut at = from;
        while let Some(found) = self.source[at..to].find('$') {
            let dollar = at + found;
            self.emit(&mut out, &self.source[at..dollar], dollar)?;
            let rest = &self.source[dollar + 1..to];
            at = match rest.chars().next() {
                Some('$') => {
                    self.emit(&mut out, "$", dollar)?;
                    dollar + 2
                }
                Some('{') => {
                    let close = closing_brace(rest).ok_or(Fault::Format { at: dollar })?;
                    let end = dollar + 1 + close;
                    let value = self.braced(dollar, end, depth, used)?;
                    self.emit(&mut out, &value, dollar)?;
                    end + 1
                }
                Some(first) if starts_name(first) => {
                    let name = name_of(rest);
                    let value = self.value_or_empty(dollar, name, used);
                    self.emit(&mut out, &value, dollar)?;
                    dollar + 1 + name.len()
                }
                // A dollar sign before anything else is a dollar sign.
                _ => {
                    self.emit(&mut out, "$", dollar)?;
                    dollar + 1
                }
            };
        }
        self.emit(&mut out, &self.source[at..to], at)?;
        Ok(out)
    }

    /// Expands `${…}`, whose dollar sign and closing brace are at the given offsets.
    fn braced(
        &mut self,
        dollar: usize,
        close: usize,
        depth: usize,
        used: Use,
    ) -> Result<String, Fault> {
        let inner = &self.source[dollar + 2..close];
        let name = name_of(inner);
        let malformed = Fault::Format { at: dollar };
        if name.is_empty() {
            return Err(malformed);
        }
        let rest = &inner[name.len()..];
        if rest.is_empty() {
            return Ok(self.value_or_empty(dollar, name, used));
        }
        let (colon, rest) = match rest.strip_prefix(':') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let operator = match rest.chars().next() {
            Some('-') => Operator::Default,
            Some('+') => Operator::Alternative,
            Some('?') => Operator::Required,
            _ => return Err(malformed),
        };
        // With a colon, an empty value is as good as none.
        let value = (self.lookup)(name).filter(|value| !colon || !value.is_empty());
        let wanted = match operator {
            Operator::Default | Operator::Required => value.is_none(),
            Operator::Alternative => value.is_some(),
        };
        let word_used = if wanted { used } else { Use::FormOnly };
        let word_start = close - rest.len() + 1;
        let word = self.range(word_start, close, depth + 1, word_used)?;
        Ok(match (operator, value) {
            (Operator::Default, None) | (Operator::Alternative, Some(_)) => word,
            (Operator::Default | Operator::Required, Some(value)) => value,
            (Operator::Alternative, None) => String::new(),
            (Operator::Required, None) if used == Use::FormOnly => String::new(),
            (Operator::Required, None) => {
                let name = name.to_owned();
                return Err(Fault::Required {
                    at: dollar,
                    name,
                    message: word,
                });
            }
        })
    }

    fn value_or_empty(&mut self, dollar: usize, name: &str, used: Use) -> String {
        (self.lookup)(name).unwrap_or_else(|| {
            if used == Use::Wanted {
                self.unset.push((dollar, name.to_owned()));
            }
            String::new()
        })
    }

    fn emit(&mut self, out: &mut String, text: &str, at: usize) -> Result<(), Fault> {
        *self.budget = self
            .budget
            .checked_sub(text.len())
            .ok_or(Fault::TooLarge { at })?;
        out.push_str(text);
        Ok(())
    }
}

const fn starts_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

/// The name that `text` starts with, possibly empty.
fn name_of(text: &str) -> &str {
    if !text.starts_with(starts_name) {
        return "";
    }
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

/// The offset of the brace that closes the one `text` begins with.
fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' => {
                open = open.checked_sub(1)?;
                if open == 0 {
                    return Some(index);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests;
