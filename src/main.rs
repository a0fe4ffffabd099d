//! The `keystead` program; see [`keystead::command_line`].

fn main() -> std::process::ExitCode {
    keystead::command_line::main()
}
