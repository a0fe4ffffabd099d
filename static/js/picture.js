// A photo is made smaller before it is sent. Without this, one that is too large is refused.
const LONGEST = 1024;
const SMALL_ENOUGH = 512 * 1024;

async function shrink(file) {
  const whole = await createImageBitmap(file);
  const scale = Math.min(1, LONGEST / Math.max(whole.width, whole.height));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [whole.width, whole.height].map((side) => Math.max(1, Math.round(side * scale)));
  canvas.getContext("2d").drawImage(whole, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/webp", 0.9));
}

for (const input of document.querySelectorAll("[data-picture]")) {
  input.addEventListener("change", async () => {
    const [file] = input.files;
    if (!file || file.size <= SMALL_ENOUGH) return;
    // What this browser can't read goes as it is: the server says what is wrong.
    const small = await shrink(file).catch(() => null);
    if (!small || small.size >= file.size || input.files[0] !== file) return;
    const chosen = new DataTransfer();
    chosen.items.add(new File([small], file.name, { type: small.type }));
    input.files = chosen.files;
  });
}
