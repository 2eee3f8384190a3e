// Plays the frames of film-frames.js on the start page: by button, slider and keyboard.
const film = document.getElementById("film"), at = document.getElementById("film-at");
const play = document.getElementById("film-play"), PAUSE = 900; // milliseconds a frame
let timer = null;

function show(number) {
  at.value = number;
  film.innerHTML = FRAMES[number];
  at.setAttribute("aria-valuetext", film.querySelector("figcaption").textContent);
}

function stop() {
  clearInterval(timer);
  timer = null;
  play.textContent = "▶ Play";
}

function start() {
  if (Number(at.value) === FRAMES.length - 1) show(0);
  timer = setInterval(() => {
    if (Number(at.value) === FRAMES.length - 1) stop();
    else show(Number(at.value) + 1);
  }, PAUSE);
  play.textContent = "❚❚ Pause";
}

function step(by) {
  stop();
  show(Math.min(Math.max(Number(at.value) + by, 0), FRAMES.length - 1));
}

at.max = FRAMES.length - 1;
at.addEventListener("input", () => { stop(); show(Number(at.value)); });
play.addEventListener("click", () => (timer ? stop() : start()));
document.getElementById("film-back").addEventListener("click", () => step(-1));
document.getElementById("film-on").addEventListener("click", () => step(1));
show(0);
if (!matchMedia("(prefers-reduced-motion: reduce)").matches) start();
