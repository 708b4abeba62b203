// Contrast of text as WCAG 2 computes it. The whole function runs inside the page.

/** @returns texts below 4.5 : 1, or 3 : 1 where they are large, each with its ratio. */
export function unreadableTexts() {
  const channel = (value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  };
  const luminance = ([red, green, blue]) =>
    0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
  // A canvas turns every notation of a colour into four numbers.
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = (front, back) =>
    [0, 1, 2].map((i) => front[i] * front[3] + back[i] * (1 - front[3]));
  const canvasColor = () => {
    const probe = document.createElement('div');
    probe.style.setProperty('background-color', 'Canvas');
    document.body.append(probe);
    const color = rgba(getComputedStyle(probe).backgroundColor);
    probe.remove();
    return color;
  };
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      layers.unshift(rgba(getComputedStyle(at).backgroundColor));
    }
    return layers.reduce((back, front) => over(front, back), canvasColor());
  };
  const ratio = (element) => {
    const back = behind(element);
    const front = over(rgba(getComputedStyle(element).color), back);
    const [dark, light] = [luminance(front), luminance(back)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const isLarge = ({ fontSize, fontWeight }) =>
    parseFloat(fontSize) >= 24 || (parseFloat(fontSize) >= 18.66 && Number(fontWeight) >= 700);
  const hasText = (element) =>
    element.matches('input:not([type=hidden])')
    || [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  return [...document.body.querySelectorAll('*')]
    .filter((element) => element.getClientRects().length > 0 && hasText(element))
    .filter((element) => !element.disabled)
    .map((element) => [element, ratio(element), isLarge(getComputedStyle(element)) ? 3 : 4.5])
    .filter(([, found, wanted]) => found < wanted)
    .map(([element, found]) =>
      `${element.localName} "${element.textContent.trim().slice(0, 30)}" ${found.toFixed(2)}`);
}
