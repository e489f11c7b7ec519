"""How it is written: NumPy, C, LaTeX and text. Emitters print; they do no algebra and no scheduling."""
