//! What the compiler refuses: the rules of sections that no review has to watch.

#[test]
fn sections_refuse_what_they_must() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/compile_fail/*.rs");
}
