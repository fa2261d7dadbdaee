//! Answers plan requests.
