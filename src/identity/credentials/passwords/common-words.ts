/**
 * Words that people choose for passwords, and that the lists of breached passwords contain only in short ones. Decorating one with digits and
 * punctuation until it is long enough does not make it a good password. Each has at least 4 characters.
 */
export const commonWords: readonly string[] = `
  access account admin administrator adobe alexander alpha amanda amazon america american andrea andrew android angel angela angels
  animal anthony apple april archer arsenal ashley august austin autumn azerty babygirl backup badboy bailey banana barcelona barney baseball
  basketball batman beach beautiful benjamin berlin bigdog birthday biteme black blessed blink blue boston brandon braves bubba buddy
  buster business butterfly camaro canada captain carlos casper change changeit changeme charlie cheese chelsea chester chicago chicken chocolate
  chris christmas claire client cloud coffee company compaq computer connect cookie corporate corvette courtney cowboy cowboys crystal customer
  daddy daisy dakota dallas daniel database david december default demo demouser deploy desktop develop developer development diablo diamond digital
  doctor dolphin donald dragon dreams eagle eagles easter edward einstein elephant elizabeth email emergency employee enter enterprise example
  facebook falcon family february ferrari finance fishing florida flower flowers football forever france freedom friday friend friends fuckyou
  gandalf gateway genius george germany ginger global godzilla golden golfer google guest guitar hammer hannah happy harley heather hello
  helpdesk hockey hollywood home honey house hunter iceman iloveyou instagram internet intranet iphone jackson jaguar january jasmine jennifer
  jessica jesus johnny jordan joseph joshua july june junior justin katrina killer kitten knight kubernetes laptop lauren letmein liberty linkedin
  linux liverpool london login logmein logon london lorenzo loulou love lovely lover loveyou lucky madison maggie mailbox manager march marina
  marine marketing martin master matrix matthew maverick maxwell melissa mercedes merlin michael michelle mickey microsoft midnight miller minecraft
  mobile monday money monitor monkey monster morgan mother mountain mustang myspace naruto nascar natasha network newuser newyork nicholas nicole
  nintendo nothing november october office office365 oliver online operator orange oracle owner passcode passphrase passport passw password
  passwort patrick peanut pepper phoenix player please pokemon police poohbear porsche portal postgres power presario princess private production
  public purple qazwsx qwer qwert qwerty qwertz rabbit rachel raiders rainbow ranger rangers rebecca redhat register remote reset richard robert
  rocket root rosebud russia samantha samsung sandbox saturday school scooter secret secure security september server service services shadow
  shannon silver simple smokey snoopy soccer software sophie spider spiderman spring staff staging standard starwars steelers stella steven student
  summer sunday sunshine super superadmin superman superuser support sweet sydney sysadmin system tamara taylor teacher team temporary tennis
  teresa test tester testing testuser thomas thunder thursday tiger tigers tinkerbell today toyota training trustno1 tuesday twitter ubuntu
  unknown user username vacation vanessa victor victoria viking vmware volkswagen walter warrior webmaster wednesday welcome whatever william
  willkommen windows winner winter wizard worker workstation yamaha yankee yankees yellow zaq1 zxcvb zxcvbn
`
  .trim()
  .split(/\s+/);
