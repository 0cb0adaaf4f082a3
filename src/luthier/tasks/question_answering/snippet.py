"""Code that answers a question with plain transformers."""

from luthier.tasks.usage import string


def extraction_code(question: str, context: str, model: str, most_tokens: int, threshold: float | None) -> str:
    """Code that prints the most probable answer span of a context.

    Args:
        question: A sample question.
        context: Its context.
        model: Directory or Hub name of the model.
        most_tokens: Maximum tokens of an answer.
        threshold: Margin in logits by which no answer must win; None if every question has an answer.
    """
    lines = [
        "import torch",
        "from transformers import AutoModelForQuestionAnswering, AutoTokenizer",
        "",
        f"tokenizer = AutoTokenizer.from_pretrained({string(model)})",
        f"model = AutoModelForQuestionAnswering.from_pretrained({string(model)})",
        f"question, context = {string(question)}, {string(context)}",
        "# A context that is too long is truncated here; luthier reads it in windows.",
        "inputs = tokenizer(",
        '    question, context, truncation="only_second", return_offsets_mapping=True, return_tensors="pt"',
        ")",
        'places = inputs.pop("offset_mapping")[0].tolist()',
        "with torch.inference_mode():",
        "    outputs = model(**inputs)",
        "start, end = outputs.start_logits[0], outputs.end_logits[0]",
        "inside = torch.tensor([part == 1 for part in inputs.sequence_ids(0)])",
        f"allowed = (inside[:, None] & inside).triu().tril({most_tokens - 1})",
        "scores = (start[:, None] + end).masked_fill(~allowed, -torch.inf)",
        "first, last = divmod(int(scores.argmax()), len(inside))",
        "answer = context[places[first][0] : places[last][1]]",
    ]
    if threshold is not None:
        lines.append(f'print("" if start[0] + end[0] - scores.max() > {threshold!r} else answer)  # "": no answer')
    else:
        lines.append("print(answer)")
    return "\n".join(lines)
