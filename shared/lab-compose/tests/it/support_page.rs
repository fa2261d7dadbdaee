//! The page of what is supported says what the tables say.

use expect_test::expect_file;

#[test]
fn the_page_of_what_is_supported_is_up_to_date() {
    // `cargo xtask support` writes it.
    expect_file!["../../../../ops/docs/compose-support.md"].assert_eq(&lab_compose::support_page());
}

#[test]
fn all_93_attributes_of_a_service_and_the_25_of_a_build_stand_on_the_page() {
    let page = lab_compose::support_page();
    let directly_under = |path: &str| {
        let rows = page.lines().filter_map(|row| {
            let name = row.strip_prefix("| `")?.split('`').next()?;
            let key = name.strip_prefix(path)?;
            (!key.contains(['.', '[']) && !key.starts_with("x-")).then_some(key)
        });
        rows.count()
    };
    assert_eq!(directly_under("services.*."), 93);
    assert_eq!(directly_under("services.*.build."), 25);
}

#[test]
fn each_refusal_says_why_and_what_to_do() {
    let page = lab_compose::support_page();
    let mut refused_above = String::from("-");
    for row in page
        .lines()
        .filter(|row| row.contains("| refused | refused |"))
    {
        let name = row.trim_start_matches("| `").split('`').next().unwrap();
        let below = name.strip_prefix(&refused_above);
        if below.is_some_and(|below| below.starts_with(['.', '['])) {
            continue;
        }
        let remark = row.rsplit("refused | ").next().unwrap();
        assert!(remark.contains("; "), "{row}");
        refused_above = name.to_owned();
    }
}
