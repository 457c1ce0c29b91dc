/** Rows, columns and other paths over keyboards, the alphabet and the digits, along which people type passwords, in either direction. */
export const sequences: readonly string[] = `
  abcdefghijklmnopqrstuvwxyz 01234567890 13579 24680 147258369 741852963
  qwertyuiop[] qwertzuiopü+ azertyuiop asdfghjkl;' asdfghjklöä# qsdfghjklm zxcvbnm,./ yxcvbnm,.- wxcvbn,;:!
  !@#$%^&*()_+ !"§$%&/()=? !"£$%^&*()
  1q2w3e4r5t6y7u8i9o0p 1q2w3e4r5t6z7u8i9o0p q1w2e3r4t5y6u7i8o9p0 q1w2e3r4t5z6u7i8o9p0
  1qaz2wsx3edc4rfv5tgb6yhn7ujm 1qay2wsx3edc4rfv5tgb6zhn7ujm zaq12wsxcde34rfvbgt56yhnmju7 yaq12wsxcde34rfvbgt56zhnmju7
  zaq1xsw2cde3vfr4bgt5nhy6mju7 yaq1xsw2cde3vfr4bgt5nhz6mju7 qazwsxedcrfvtgbyhnujm qaywsxedcrfvtgbzhnujm qweasdzxc qweasdyxc
  1a2b3c4d5e6f7g8h9i a1b2c3d4e5f6g7h8i9 йцукенгшщзхъ фывапролджэ ячсмитьбю абвгдеёжзийклмнопрстуфхцчшщъыьэюя αβγδεζηθικλμνξοπρστυφχψω
`
  .trim()
  .split(/\s+/);
