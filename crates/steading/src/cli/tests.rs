//! The command line is an interface: what it shows and refuses is pinned down.

use clap::{CommandFactory as _, Parser as _};

use super::{Cli, Command};

fn parse(line: &str) -> Result<Command, String> {
    let words = ["steading"].into_iter().chain(line.split_whitespace());
    Cli::try_parse_from(words).map(|cli| cli.command).map_err(|e| e.to_string())
}

#[test]
fn the_definition_has_no_contradictions() {
    Cli::command().debug_assert();
}

#[test]
fn help_names_every_command() {
    insta::assert_snapshot!(Cli::command().render_help().to_string());
}

#[test]
fn every_command_has_examples() {
    for command in Cli::command().get_subcommands().filter(|c| !c.is_hide_set()) {
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(after.contains("steading "), "{} has no example", command.get_name());
    }
}

/// Examples are parsed, so that none of them is wrong.
#[test]
fn examples_are_valid_command_lines() {
    for command in Cli::command().get_subcommands() {
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let lines = after.lines().filter_map(|line| line.trim().strip_prefix("steading "));
        for line in lines {
            let words = shell_words(line);
            let words = ["steading".to_owned()].into_iter().chain(words);
            if let Err(error) = Cli::try_parse_from(words) {
                panic!("`steading {line}`: {error}");
            }
        }
    }
}

/// The words before a comment (two spaces), a pipe or a redirection; single quotes hold together.
fn shell_words(line: &str) -> Vec<String> {
    let line = line.split("   ").next().unwrap_or(line);
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            '|' | '<' | '>' if !quoted => return words,
            _ => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn force_takes_properties_and_negative_priorities() {
    let Ok(Command::Force(args)) = parse("force hello --set a=1 --set b=x=y --priority -5 --wait")
    else {
        panic!("force is a command");
    };
    let set = [("a", "1"), ("b", "x=y")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(args.set, set);
    assert_eq!((args.priority, args.wait), (-5, true));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let check = |line: &str, said: &str| {
        let error = parse(line).expect_err(line);
        assert!(error.contains(said), "{line}: {error}");
    };
    check("fly", "unrecognized subcommand 'fly'");
    check("force", "<BUILDER>");
    check("force hello --set nonsense", "`nonsense` is not of the form KEY=VALUE");
    check("up --keep --cancel", "cannot be used with");
    check("worker --name barn --token-file t", "--master <URL>");
    check("worker --name b --token-file t --master http://x --data d", "cannot be used with");
    check("log 17 --raw", "STEP");
    check("show build", "<ID>");
    check("token worker barn --valid soon", "`soon` is not a duration");
}

#[test]
fn the_lifecycle_needs_no_id() {
    assert!(matches!(parse("show lifecycle"), Ok(Command::Show(args)) if args.id.is_none()));
}

#[test]
fn verbs_to_come_take_anything() {
    assert!(matches!(parse("try --diff a b"), Ok(Command::Try(_))));
}
