// Arrows, space, Page Up and Page Down turn the slides; Home and End go to the ends; N shows the notes.
const slides = [...document.querySelectorAll("section")];
const shown = () => {
  const middle = window.innerHeight / 2;
  const at = slides.findIndex((slide) => slide.getBoundingClientRect().bottom > middle);
  return at < 0 ? slides.length - 1 : at;
};
const show = (place) => {
  const slide = slides[Math.min(Math.max(place, 0), slides.length - 1)];
  slide.scrollIntoView();
  slide.focus({ preventScroll: true });
};
const steps = { ArrowRight: 1, PageDown: 1, " ": 1, ArrowLeft: -1, PageUp: -1 };
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "n" || event.key === "N") document.body.classList.toggle("with-notes");
  else if (event.key === "Home") show(0);
  else if (event.key === "End") show(slides.length - 1);
  else if (event.key in steps) show(shown() + steps[event.key]);
  else return;
  event.preventDefault();
});
