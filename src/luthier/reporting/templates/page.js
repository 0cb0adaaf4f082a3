"use strict";
(() => {
  // Charts. The interpreter (ast) evaluates Vega's expressions, so the policy need not allow eval.
  const options = {
    mode: "vega-lite",
    renderer: "svg",
    ast: true,
    actions: false,
    defaultStyle: false,
    tooltip: { disableDefaultStyle: true },
  };
  for (const figure of document.querySelectorAll("figure.chart")) {
    const plot = figure.querySelector(".plot");
    const spec = JSON.parse(figure.querySelector("script.spec").textContent);
    vegaEmbed(plot, spec, options).then(
      () => plot.classList.add("drawn"),
      (error) => {
        plot.textContent = `This chart cannot be drawn: ${error.message}`;
      },
    );
  }

  // Rows to read, a dozen at a time; filtered by class where there are classes.
  const PAGE = 12;
  for (const form of document.querySelectorAll("form.filter")) {
    const cards = [...form.parentElement.querySelectorAll(".example")];
    const has = (card, key) => !form[key]?.value || card.dataset[key].split(" ").includes(form[key].value);
    const output = form.querySelector("output");
    const more = document.createElement("button");
    more.type = "button";
    more.className = "show-more";
    let most = PAGE;
    const apply = () => {
      const found = cards.filter((card) => has(card, "gold") && has(card, "prediction"));
      for (const card of cards) card.hidden = true;
      for (const card of found.slice(0, most)) card.hidden = false;
      if (output) output.textContent = `${found.length} of ${cards.length}`;
      more.hidden = found.length <= most;
      more.textContent = `Show ${Math.min(PAGE, found.length - most)} more`;
    };
    more.addEventListener("click", () => {
      most += PAGE;
      apply();
    });
    form.parentElement.append(more);
    form.addEventListener("change", () => {
      most = PAGE;
      apply();
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = !output;
    apply();
  }

  // Copy buttons.
  for (const block of document.querySelectorAll(".code")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(block.querySelector("code").textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(block.querySelector("code"));
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    block.append(button);
  }

  // Paper shows what is folded.
  addEventListener("beforeprint", () => {
    for (const fold of document.querySelectorAll("details")) fold.open = true;
  });
})();
