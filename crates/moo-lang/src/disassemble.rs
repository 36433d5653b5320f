//! A program's code as text, for people.

use crate::opcode::Operand;
use crate::program::Program;
use moo_model::literal::to_literal;

/// One line for each instruction, with the canonical line it belongs to where that changes.
pub fn disassemble(program: &Program) -> Vec<String> {
    let mut out = vec![format!(
        "{} registers, {} instructions",
        program.registers,
        program.code.len()
    )];
    let mut line = 0;
    for (pc, op) in program.code.iter().enumerate() {
        let now = program.line_at(pc as u32);
        let mark = if now == line {
            String::new()
        } else {
            format!("line {now}")
        };
        line = now;
        let operands: Vec<String> = op
            .operands()
            .iter()
            .map(|operand| show(program, *operand))
            .collect();
        out.push(
            format!("{mark:>10} {pc:>4}: {} {}", op.name(), operands.join(", "))
                .trim_end()
                .to_string(),
        );
    }
    for handler in &program.handlers {
        out.push(format!(
            "handler {}..{} -> {}: {:?}",
            handler.from, handler.to, handler.target, handler.catches
        ));
    }
    out
}

fn show(program: &Program, operand: Operand) -> String {
    match operand {
        Operand::Register(r) => match program.variables.iter().find(|(_, register)| *register == r) {
            Some((name, _)) => name.clone(),
            None => format!("r{r}"),
        },
        Operand::Window(first, count) => format!("r{first}..+{count}"),
        Operand::Constant(k) => to_literal(&program.constants[usize::from(k)]),
        Operand::Name(k) => format!("`{}'", program.names[usize::from(k)].text.as_str().unwrap_or("")),
        Operand::Builtin(k) => format!("{}()", program.builtins[usize::from(k)]),
        Operand::Scatter(k) => format!("scatter {k}"),
        Operand::Target(to) => format!("-> {to}"),
        Operand::Number(n) => n.to_string(),
    }
}
