// A prediction is a list of choices. One click, Enter or the space bar marks the reader's own, on this page alone.
document.addEventListener("DOMContentLoaded", () => {
  for (const list of document.querySelectorAll('.cell_output ol[type="A"]')) {
    list.classList.add("choices");
    for (const item of list.children) {
      item.innerHTML = `<button type="button" aria-pressed="false">${item.innerHTML}</button>`;
      item.firstChild.addEventListener("click", () => choose(list, item.firstChild));
    }
  }
});

function choose(list, chosen) {
  for (const button of list.querySelectorAll("button")) button.setAttribute("aria-pressed", button === chosen);
}
