"""Render conversations as text with a model's chat template."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError
from transformers import PreTrainedTokenizerBase

from luthier.data.values import structured
from luthier.errors import DataError, ModelError
from luthier.text import shorten

Message = Mapping[str, Any]  # role, content, tool_calls if the assistant calls tools, weight 0 if it is not learned
Tools = Sequence[Mapping[str, Any]]

# ChatML, with tools as Hermes and Qwen write them.
DEFAULT_CHAT_TEMPLATE = """\
{%- set first = 0 -%}
{%- if tools -%}
{{- '<|im_start|>system\\n' -}}
{%- if messages and messages[0].role == 'system' -%}
{%- set first = 1 -%}
{{- messages[0].content + '\\n\\n' -}}
{%- endif -%}
{{- 'You can call these functions:\\n<tools>\\n' -}}
{%- for tool in tools -%}{{- tool | tojson + '\\n' -}}{%- endfor -%}
{{- '</tools>\\nA call is {"name": ..., "arguments": {...}} between <tool_call> and </tool_call>.<|im_end|>\\n' -}}
{%- endif -%}
{%- for message in messages[first:] -%}
{{- '<|im_start|>' + message.role + '\\n' -}}
{%- if message.role == 'assistant' -%}
{%- generation -%}
{{- message.content or '' -}}
{%- for call in message.tool_calls or [] -%}
{%- set call = call.function or call -%}
{%- set arguments = call.arguments if call.arguments is string else call.arguments | tojson -%}
{{- '\\n' if message.content or not loop.first -}}
{{- '<tool_call>\\n{"name": ' + call.name | tojson + ', "arguments": ' + arguments + '}\\n</tool_call>' -}}
{%- endfor -%}
{{- '<|im_end|>' -}}
{%- endgeneration -%}
{{- '\\n' -}}
{%- else -%}
{{- message.content + '<|im_end|>\\n' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
"""
CALL_FORM = 'A call is {"name": ..., "arguments": {...}} between <tool_call> and </tool_call>.'
MARK = "\ue000luthier\ue001"  # private-use characters: texts do not contain them, and templates keep them
PROBE = "luthier_probe"  # content to test whether a template renders a message


def render_chat(
    tokenizer: PreTrainedTokenizerBase,
    messages: Sequence[Message],
    tools: Tools | None = None,
    *,
    add_generation_prompt: bool = False,
) -> str:
    """Render a conversation as text. Encode the text without special tokens: the template has written them.

    Args:
        tokenizer: With a chat template.
        messages: The conversation; it is adapted to the template (`fitting`).
        tools: Tools that the assistant can call, as JSON schemas.
        add_generation_prompt: Whether the text ends where the assistant's next answer begins.
    Raises:
        DataError: The template refuses the conversation.
        ModelError: There is no template.
    """
    messages, tools = fitting(tokenizer, messages, tools)
    return prompt_text(tokenizer, messages, tools) if add_generation_prompt else rendered(tokenizer, messages, tools)


def fitting(
    tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], tools: Tools | None
) -> tuple[list[Message], Tools | None]:
    """Adapt a conversation to the template: what the template would drop or refuse becomes text.

    Tool calls become text of the assistant, tool results become user messages, tools become part of the system message,
    and the system message is put before the text of the first user message.
    """
    found: list[Message] = list(messages)
    asked = {"role": "user", "content": "?"}
    call = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": PROBE, "arguments": {}}}]}
    if any(message.get("tool_calls") for message in found) and not _shows(tokenizer, [asked, call]):
        found = [_called(message) for message in found]
    result = {"role": "tool", "content": PROBE}
    if any(message["role"] == "tool" for message in found) and not _shows(tokenizer, [asked, _called(call), result]):
        found = [{**message, "role": "user"} if message["role"] == "tool" else message for message in found]
    if tools and not _shows(tokenizer, [asked], [{"type": "function", "function": {"name": PROBE}}]):
        listed = "".join(json.dumps(tool, ensure_ascii=False) + "\n" for tool in tools)
        offer = f"You can call these functions:\n<tools>\n{listed}</tools>\n{CALL_FORM}"
        if found and found[0]["role"] == "system":
            found[0] = {**found[0], "content": f"{text_of(found[0])}\n\n{offer}"}
        else:
            found.insert(0, {"role": "system", "content": offer})
        tools = None
    if found and found[0]["role"] == "system" and not _shows(tokenizer, [{"role": "system", "content": PROBE}, asked]):
        system, *found = found
        place = next((i for i, message in enumerate(found) if message["role"] == "user"), None)
        if place is None:
            found.insert(0, {**system, "role": "user"})
        else:
            found[place] = {**found[place], "content": f"{text_of(system)}\n\n{text_of(found[place])}"}
    return found, tools


def prompt_text(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], tools: Tools | None) -> str:
    """The text up to where the assistant's next answer begins; `messages` may be empty if it speaks first."""
    plain = prompt = ""
    if messages:
        plain, prompt = (rendered(tokenizer, messages, tools, answering=answering) for answering in (False, True))
    if prompt != plain:
        return prompt
    # Some templates have no generation prompt, but write the assistant's name before each answer.
    try:
        marked = rendered(tokenizer, [*messages, {"role": "assistant", "content": MARK}], tools)
    except DataError:
        return plain
    header = marked.partition(MARK)[0].removeprefix(plain) if marked.startswith(plain) else ""
    return plain + header if header.strip() else plain


def rendered(
    tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], tools: Tools | None, *, answering: bool = False
) -> str:
    if not tokenizer.chat_template:
        what = "the tokenizer has no chat template"
        raise ModelError(what, where=tokenizer.name_or_path, hint="choose a model tuned for chat")
    try:
        text = tokenizer.apply_chat_template(
            [{key: value for key, value in message.items() if key != "weight"} for message in messages],
            tools=[dict(tool) for tool in tools] if tools else None,
            tokenize=False,
            add_generation_prompt=answering,
        )
    except TemplateSyntaxError as error:
        raise ModelError(
            f"the chat template is not valid: {shorten(str(error.message))}",
            where=f"{tokenizer.name_or_path}, line {error.lineno} of the template",
            hint="correct chat_template.jinja there, or chat_template in tokenizer_config.json",
        ) from None
    except (TemplateError, TypeError, ValueError, KeyError, IndexError) as error:
        raise DataError(
            f"the chat template refuses the conversation: {shorten(str(error))}",
            where=f"roles {', '.join(str(message.get('role')) for message in messages)}",
            hint="most templates expect alternating user and assistant turns, the user first, with text content",
        ) from None
    return str(text)


def text_of(message: Message) -> str:
    """The text of a message, whose content may have several parts."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text", "")) for part in content)


def _shows(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], tools: Tools | None = None) -> bool:
    """Whether the template accepts a conversation and renders the probe in it."""
    try:
        return PROBE in rendered(tokenizer, messages, tools)
    except DataError:
        return False


def _called(message: Message) -> Message:
    """A message with its tool calls as text, in the format of the default template."""
    calls = [call.get("function", call) for call in message.get("tool_calls") or ()]
    written = [
        "<tool_call>\n"
        + json.dumps({"name": call["name"], "arguments": structured(call.get("arguments", {}))}, ensure_ascii=False)
        + "\n</tool_call>"
        for call in calls
    ]
    kept = {key: value for key, value in message.items() if key != "tool_calls"}
    return {**kept, "content": "\n".join([*filter(None, [text_of(message)]), *written])} if calls else message
